package pickle

import (
	"encoding/binary"
	"fmt"
	"math"
)

// instruction is what the machine does at one code.
type instruction func(m *machine) error

// stop ends a pickle.
const stop = '.'

// maxProtocol is the newest protocol that Python has.
const maxProtocol = 5

// instructions are those of protocol 2 and later, by code; Python's own
// pickletools describes them. The extension registry and buffers outside the
// pickle are left out on purpose.
func instructions() [256]instruction {
	return [256]instruction{
		0x80: protocol,
		0x95: frame,

		'N':  constant(nil),
		0x88: constant(true),
		0x89: constant(false),
		'K':  unsigned(1),
		'M':  unsigned(2),
		'J':  signed,
		0x8a: long(1),
		0x8b: long(4),
		'G':  float,

		'U':  text[string](1), // str of Python 2
		'T':  text[string](4),
		0x8c: text[string](1),
		'X':  text[string](4),
		0x8d: text[string](8),
		'C':  text[[]byte](1),
		'B':  text[[]byte](4),
		0x8e: text[[]byte](8),
		0x96: text[[]byte](8),

		'(':  (*machine).mark,
		'0':  func(m *machine) error { _, err := m.pop(1); return err },
		'1':  func(m *machine) error { _, err := m.popMark(); return err },
		'q':  numbered((*machine).put, 1),
		'r':  numbered((*machine).put, 4),
		0x94: func(m *machine) error { return m.put(uint64(len(m.memo))) },
		'h':  numbered((*machine).get, 1),
		'j':  numbered((*machine).get, 4),

		')':  taking((*machine).tuple, 0),
		0x85: taking((*machine).tuple, 1),
		0x86: taking((*machine).tuple, 2),
		0x87: taking((*machine).tuple, 3),
		't':  marked((*machine).tuple),
		']':  func(m *machine) error { m.push(new(List)); return nil },
		'a':  taking((*machine).fill, 1),
		'e':  marked((*machine).fill),
		'}':  func(m *machine) error { m.push(new(Dict)); return nil },
		's':  taking((*machine).set, 2),
		'u':  marked((*machine).set),
		0x8f: func(m *machine) error { m.push(&Object{Class: Global{"builtins", "set"}}); return nil },
		0x90: marked((*machine).fill),
		0x91: marked((*machine).frozenSet),

		'c':  global,
		0x93: stackGlobal,
		'R':  (*machine).call,
		0x81: func(m *machine) error { return m.object(2) },
		0x92: func(m *machine) error { return m.object(3) },
		'b':  (*machine).build,
		'Q':  (*machine).persistent,
	}
}

func protocol(m *machine) error {
	version, err := m.in.byte()
	if err == nil && version > maxProtocol {
		err = fmt.Errorf("pickle protocol %d, at most %d is supported", version, maxProtocol)
	}
	return err
}

// frame announces how many bytes belong together, for reading ahead.
func frame(m *machine) error {
	_, err := m.in.uint(8)
	return err
}

func constant(v any) instruction {
	return func(m *machine) error { m.push(v); return nil }
}

func unsigned(size int) instruction {
	return func(m *machine) error {
		n, err := m.in.uint(size)
		m.push(int64(n))
		return err
	}
}

func signed(m *machine) error {
	n, err := m.in.uint(4)
	m.push(int64(int32(n)))
	return err
}

// long reads an integer of any length in two's complement.
func long(size int) instruction {
	return func(m *machine) error {
		b, err := m.in.text(size)
		if err != nil {
			return err
		}
		if len(b) > 8 {
			m.push(Long(b))
			return nil
		}
		var wide [8]byte
		shift := 64 - 8*copy(wide[8-len(b):], b)
		m.push(int64(binary.LittleEndian.Uint64(wide[:])) >> shift)
		return nil
	}
}

func float(m *machine) error {
	b, err := m.in.bytes(8)
	if err != nil {
		return err
	}
	m.push(math.Float64frombits(binary.BigEndian.Uint64(b)))
	return nil
}

func text[T string | []byte](size int) instruction {
	return func(m *machine) error {
		b, err := m.in.text(size)
		m.push(T(b))
		return err
	}
}

// numbered calls do with the integer of size bytes that follows.
func numbered(do func(*machine, uint64) error, size int) instruction {
	return func(m *machine) error {
		n, err := m.in.uint(size)
		if err != nil {
			return err
		}
		return do(m, n)
	}
}

// taking calls do with n values off the stack.
func taking(do func(*machine, []any) error, n int) instruction {
	return func(m *machine) error {
		values, err := m.pop(n)
		if err != nil {
			return err
		}
		return do(m, values)
	}
}

// marked calls do with the values above the last mark.
func marked(do func(*machine, []any) error) instruction {
	return func(m *machine) error {
		values, err := m.popMark()
		if err != nil {
			return err
		}
		return do(m, values)
	}
}

func global(m *machine) error {
	module, err := m.in.line()
	if err != nil {
		return err
	}
	name, err := m.in.line()
	if err != nil {
		return err
	}
	return m.global(module, name)
}

func stackGlobal(m *machine) error {
	values, err := m.pop(2)
	if err != nil {
		return err
	}
	module, _ := values[0].(string)
	name, _ := values[1].(string)
	return m.global(module, name)
}
