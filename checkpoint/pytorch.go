package checkpoint

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"m2pt/checkpoint/pickle"
)

// A file that PyTorch's save wrote is a pickle beside arrays of elements, the
// storages. The pickle names each storage by a key and makes tensors of it,
//
//	_rebuild_tensor_v2(storage, offset, size, stride, ...)
//
// so that several tensors may be views of one storage, transposed or repeated.

// storage is an array of elements in a file.
type storage struct {
	dtype Dtype
	size  int64 // bytes
	// open returns a reader of size bytes; it is set once the place is known.
	open func() (io.ReadCloser, error)
}

// read returns the bytes, aligned for every dtype.
func (s *storage) read() ([]byte, error) {
	r, err := s.open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data := make([]byte, s.size)
	if _, err := io.ReadFull(r, data); err != nil {
		return nil, faultOfFile(err)
	}
	return data, faultOfFile(expectEOF(r))
}

// view is a tensor: element i, j, ... of its shape is element
// offset + i*strides[0] + j*strides[1] + ... of its storage.
type view struct {
	storage *storage
	dtype   Dtype
	offset  int
	shape   []int
	strides []int
}

// unpickler is what the pickle of a PyTorch file may ask for.
type unpickler struct {
	storages map[string]*storage // by key
}

// unpickle reads the next pickle, with the hooks that rebuild tensors.
func (u *unpickler) unpickle(in *pickle.Reader) (any, error) {
	u.storages = make(map[string]*storage)
	return readPickle(in, pickle.Hooks{Call: u.call, Persistent: u.storage})
}

func readPickle(in *pickle.Reader, hooks pickle.Hooks) (any, error) {
	v, err := pickle.Read(in, hooks)
	return v, faultOfFile(err)
}

// storage returns the storage of an id
// ("storage", class, key, device, number of elements).
// PyTorch before 0.4 could add what part of another storage it is.
func (u *unpickler) storage(id any) (any, error) {
	t, _ := id.(pickle.Tuple)
	if len(t) < 5 || t[0] != "storage" || len(t) > 5 && t[5] != nil {
		return nil, errors.New("unknown kind of storage: save the file anew with a newer PyTorch")
	}
	class, isClass := t[1].(pickle.Global)
	key, isKey := t[2].(string)
	numel, isNumel := t[4].(int64)
	if !isClass || !isKey || !isNumel || numel < 0 {
		return nil, corrupt("storage of class %T, key %T, %T %d elements", t[1], t[2], t[4], numel)
	}
	d, ok := dtypeOfStorage(class)
	if !ok {
		return nil, fmt.Errorf("storage %.40q of class %.80q is not supported: convert its tensors to float32", key, class)
	}
	if numel > math.MaxInt64/int64(d.Size()) {
		return nil, corrupt("storage %.40q of %d elements", key, numel)
	}
	s := &storage{dtype: d, size: numel * int64(d.Size())}
	if old, ok := u.storages[key]; ok {
		if old.dtype != s.dtype || old.size != s.size {
			return nil, corrupt("storage %.40q is %d bytes of %v and %d of %v", key, old.size, old.dtype, s.size, s.dtype)
		}
		return old, nil
	}
	u.storages[key] = s
	return s, nil
}

// call rebuilds what consists of tensors, keeps what is known to be mere data as
// an inert object, and refuses the rest: a checkpoint has no need for it, and it
// is how pickles do harm.
func (u *unpickler) call(f pickle.Global, args pickle.Tuple) (any, error) {
	name := f.String()
	switch name {
	case "collections.OrderedDict":
		return newDict(args)
	case "torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2":
		return rebuildTensor(args)
	case "torch._utils._rebuild_tensor_v3":
		return rebuildTensor3(args)
	case "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state", "torch.Size":
		if len(args) == 0 {
			return nil, corrupt("%s without an argument", name)
		}
		return args[0], nil
	case "torch._tensor._rebuild_from_type_v2":
		return u.rebuildFromType(args)
	}
	if slices.Contains(inert(), name) {
		return &pickle.Object{Class: f, Parts: slices.Clip(args)}, nil
	}
	return nil, fmt.Errorf("refused to call %.80q, which is neither tensor nor plain data: do not load this file elsewhere unless you trust it; if you do, save only its state_dict()", name)
}

// inert are functions whose results are data that no weights depend on.
func inert() []string {
	return []string{
		"builtins.set", "builtins.frozenset", "builtins.slice", "builtins.range", "builtins.complex", "builtins.bytearray",
		"__builtin__.set", "__builtin__.frozenset", "__builtin__.slice", "__builtin__.complex", "__builtin__.bytearray",
		"collections.defaultdict", "collections.Counter", "collections.deque",
		"copyreg._reconstructor", "copy_reg._reconstructor",
		"_codecs.encode",
		"datetime.date", "datetime.datetime", "datetime.timedelta",
		"pathlib.PosixPath", "pathlib.PurePosixPath", "pathlib.WindowsPath", "pathlib.PureWindowsPath",
		"pathlib._local.PosixPath", "pathlib._local.WindowsPath",
		"numpy.dtype", "numpy.core.multiarray.scalar", "numpy.core.multiarray._reconstruct",
		"numpy._core.multiarray.scalar", "numpy._core.multiarray._reconstruct",
		"torch.device", "torch.serialization._get_layout",
	}
}

// newDict makes a dict of nothing or, as Python 2 did, of a list of pairs.
func newDict(args pickle.Tuple) (any, error) {
	d := new(pickle.Dict)
	if len(args) == 0 {
		return d, nil
	}
	pairs, ok := args[0].(*pickle.List)
	if !ok {
		return nil, corrupt("OrderedDict of a %T", args[0])
	}
	for _, p := range pairs.Items {
		pair, ok := p.(*pickle.List)
		if !ok || len(pair.Items) != 2 {
			return nil, corrupt("OrderedDict of a %T, want pairs", p)
		}
		d.Entries = append(d.Entries, pickle.Entry{Key: pair.Items[0], Value: pair.Items[1]})
	}
	return d, nil
}

// rebuildFromType unwraps a tensor of a subclass: (function, class, its
// arguments, state).
func (u *unpickler) rebuildFromType(args pickle.Tuple) (any, error) {
	if len(args) != 4 {
		return nil, corrupt("_rebuild_from_type_v2 with %d arguments", len(args))
	}
	f, isGlobal := args[0].(pickle.Global)
	inner, isTuple := args[2].(pickle.Tuple)
	if !isGlobal || !isTuple {
		return nil, corrupt("_rebuild_from_type_v2 of %T with %T", args[0], args[2])
	}
	if f.String() == "torch._tensor._rebuild_from_type_v2" {
		return nil, corrupt("_rebuild_from_type_v2 of itself")
	}
	return u.call(f, inner)
}

// rebuildTensor reads (storage, offset, size, stride, requires_grad, hooks,
// metadata); metadata says whether the values are to be negated or conjugated.
func rebuildTensor(args pickle.Tuple) (any, error) {
	if len(args) < 4 {
		return nil, corrupt("tensor of %d arguments", len(args))
	}
	if len(args) > 6 && args[6] != nil {
		return nil, errors.New("tensor with a pending negation or conjugation is not supported: save it with resolve_neg()")
	}
	s, ok := args[0].(*storage)
	if !ok {
		return nil, corrupt("tensor of a %T, want a storage", args[0])
	}
	return newView(s, s.dtype, args[1:4])
}

// rebuildTensor3 reads (storage, offset, size, stride, requires_grad, hooks,
// dtype), for dtypes that have no class of storages.
func rebuildTensor3(args pickle.Tuple) (any, error) {
	if len(args) != 7 {
		return nil, corrupt("tensor of %d arguments, want 7", len(args))
	}
	s, isStorage := args[0].(*storage)
	g, isGlobal := args[6].(pickle.Global)
	if !isStorage || !isGlobal {
		return nil, corrupt("tensor of a %T with dtype %T", args[0], args[6])
	}
	d, ok := dtypeOfPyTorch(g.Name)
	if !ok || g.Module != "torch" {
		return nil, fmt.Errorf("dtype %.80q is not supported: convert its tensors to float32", g)
	}
	return newView(s, d, args[1:4])
}

// newView checks that a view (offset, size, stride) lies within its storage.
func newView(s *storage, d Dtype, args []any) (*view, error) {
	v := &view{storage: s, dtype: d}
	offset, err1 := naturals(pickle.Tuple{args[0]})
	shape, err2 := naturals(args[1])
	strides, err3 := naturals(args[2])
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, corrupt("tensor: %w", err)
	}
	v.offset, v.shape, v.strides = offset[0], shape, strides
	if len(shape) != len(strides) {
		return nil, corrupt("tensor of shape %v with strides %v", shape, strides)
	}
	if _, err := byteSize(d, shape); err != nil {
		return nil, corrupt("tensor: %w", err)
	}
	if !v.fits(int(s.size) / d.Size()) {
		return nil, corrupt("tensor of shape %v, strides %v, offset %d in a storage of %d elements", shape, strides, v.offset, int(s.size)/d.Size())
	}
	return v, nil
}

// fits tells whether every element is one of the first numel of the storage.
func (v *view) fits(numel int) bool {
	if slices.Contains(v.shape, 0) {
		return true
	}
	last := v.offset
	for d, dim := range v.shape {
		if v.strides[d] > 0 && dim-1 > (math.MaxInt-last)/v.strides[d] {
			return false
		}
		last += (dim - 1) * v.strides[d]
	}
	return last < numel
}

// naturals reads a tuple of at most maxRank natural numbers.
func naturals(v any) ([]int, error) {
	t, ok := v.(pickle.Tuple)
	if !ok || len(t) > maxRank {
		return nil, fmt.Errorf("%T of %d, want a tuple of at most %d numbers", v, len(t), maxRank)
	}
	list := make([]int, len(t))
	for i, x := range t {
		n, ok := x.(int64)
		if !ok || n < 0 || n > math.MaxInt {
			return nil, fmt.Errorf("%T %v, want a natural number", x, n)
		}
		list[i] = int(n)
	}
	return list, nil
}
