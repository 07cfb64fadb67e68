package pickle

import (
	"errors"
	"fmt"
	"slices"
)

// machine is a pickle being run: the values on its stack, the heights of the
// stack at which marks were set, and the values kept for later by number.
type machine struct {
	in    *Reader
	hooks Hooks
	stack []any
	marks []int
	memo  map[uint32]any
}

func (m *machine) push(v any) { m.stack = append(m.stack, v) }

// floor is the height below which nothing may be taken: the last mark.
func (m *machine) floor() int {
	if len(m.marks) == 0 {
		return 0
	}
	return m.marks[len(m.marks)-1]
}

// top returns the n uppermost values, the last one on top. They are the stack's
// own: a later push overwrites them.
func (m *machine) top(n int) ([]any, error) {
	if len(m.stack)-m.floor() < n {
		return nil, malformed("wants %d values, the stack has %d", n, len(m.stack)-m.floor())
	}
	return m.stack[len(m.stack)-n:], nil
}

// pop removes the n uppermost values and returns them as top does.
func (m *machine) pop(n int) ([]any, error) {
	values, err := m.top(n)
	if err == nil {
		m.stack = m.stack[:len(m.stack)-n]
	}
	return values, err
}

func (m *machine) mark() error {
	m.marks = append(m.marks, len(m.stack))
	return nil
}

// popMark removes the last mark and what lies above it, and returns the latter
// as top does.
func (m *machine) popMark() ([]any, error) {
	if len(m.marks) == 0 {
		return nil, malformed("wants a mark, there is none")
	}
	values := m.stack[m.floor():]
	m.stack = m.stack[:m.floor()]
	m.marks = m.marks[:len(m.marks)-1]
	return values, nil
}

// result is the only value left at the end.
func (m *machine) result() (any, error) {
	if len(m.stack) != 1 || len(m.marks) != 0 {
		return nil, malformed("ends with %d values and %d marks, want one value", len(m.stack), len(m.marks))
	}
	return m.stack[0], nil
}

// put keeps the uppermost value under a number.
func (m *machine) put(number uint64) error {
	values, err := m.top(1)
	if err == nil {
		m.memo[uint32(number)] = values[0]
	}
	return err
}

// get pushes the value kept under a number.
func (m *machine) get(number uint64) error {
	v, ok := m.memo[uint32(number)]
	if !ok {
		return malformed("memo %d is not set", number)
	}
	m.push(v)
	return nil
}

func (m *machine) tuple(values []any) error {
	m.push(append(Tuple{}, values...))
	return nil
}

func (m *machine) frozenSet(values []any) error {
	m.push(&Object{Global{"builtins", "frozenset"}, slices.Clone(values)})
	return nil
}

// fill adds the values, taken already, to the container on top.
func (m *machine) fill(values []any) error {
	container, err := m.top(1)
	if err != nil {
		return err
	}
	switch c := container[0].(type) {
	case *List:
		c.Items = append(c.Items, values...)
	case *Object:
		c.Parts = append(c.Parts, values...)
	default:
		return malformed("fills a %T like a list", c)
	}
	return nil
}

// set adds keys and values, which alternate and are taken already, to the dict
// on top.
func (m *machine) set(values []any) error {
	container, err := m.top(1)
	if err != nil {
		return err
	}
	if len(values)%2 != 0 {
		return malformed("sets a key without a value")
	}
	switch c := container[0].(type) {
	case *Dict:
		for pair := range slices.Chunk(values, 2) {
			c.Entries = append(c.Entries, Entry{pair[0], pair[1]})
		}
	case *Object:
		c.Parts = append(c.Parts, values...)
	default:
		return malformed("fills a %T like a dict", c)
	}
	return nil
}

// global pushes the name of a class or function.
func (m *machine) global(module, name string) error {
	if module == "" || name == "" {
		return malformed("name %q of module %q", name, module)
	}
	m.push(Global{module, name})
	return nil
}

// call pushes what the hook makes of a call.
func (m *machine) call() error {
	values, err := m.pop(2)
	if err != nil {
		return err
	}
	f, isGlobal := values[0].(Global)
	args, isTuple := values[1].(Tuple)
	switch {
	case !isGlobal || !isTuple:
		return malformed("calls a %T with a %T", values[0], values[1])
	case m.hooks.Call == nil:
		return fmt.Errorf("calls %v where no call is allowed", f)
	}
	v, err := m.hooks.Call(f, args)
	if err != nil {
		return err
	}
	m.push(v)
	return nil
}

// object pushes an inert instance: class and arguments are the n values on top.
func (m *machine) object(n int) error {
	values, err := m.pop(n)
	if err != nil {
		return err
	}
	class, ok := values[0].(Global)
	if !ok {
		return malformed("makes an instance of a %T", values[0])
	}
	m.push(&Object{class, slices.Clone(values[1:])})
	return nil
}

// build gives an object its state. What a dict has beside its entries is left
// out: PyTorch keeps the versions of modules there.
func (m *machine) build() error {
	state, err := m.pop(1)
	if err != nil {
		return err
	}
	values, err := m.top(1)
	if err != nil {
		return err
	}
	switch v := values[0].(type) {
	case *Object:
		v.Parts = append(v.Parts, state[0])
	case *Dict:
	default:
		return malformed("sets the state of a %T", v)
	}
	return nil
}

// persistent pushes what the hook knows under the id on top.
func (m *machine) persistent() error {
	id, err := m.pop(1)
	if err != nil {
		return err
	}
	if m.hooks.Persistent == nil {
		return errors.New("refers to something outside where nothing is")
	}
	v, err := m.hooks.Persistent(id[0])
	if err != nil {
		return err
	}
	m.push(v)
	return nil
}
