package ops_test

import (
	"reflect"
	"testing"

	"m2pt/engine"
	"m2pt/ops"
	"m2pt/ops/opstest"
)

func TestReferenceConforms(t *testing.T) {
	opstest.Run(t, engine.Reference{}, opstest.Options{Full: 1e-5})
}

func TestGradients(t *testing.T) { opstest.Gradients(t) }

func TestEveryKindHasACase(t *testing.T) { opstest.Complete(t, ".") }

// TestStringsTellKindsApart: kinds of different types, or with any attribute
// changed, have different names.
func TestStringsTellKindsApart(t *testing.T) {
	owner := map[string]reflect.Type{}
	for _, c := range opstest.Cases() {
		typ, name := reflect.TypeOf(c.Kind), c.Kind.String()
		if other, ok := owner[name]; ok && other != typ {
			t.Errorf("%v and %v are both called %q", other, typ, name)
		}
		owner[name] = typ
		k := reflect.New(typ).Elem()
		k.Set(reflect.ValueOf(c.Kind))
		perturb(k, typ.Name(), func(attribute string) {
			if k.Interface().(ops.Kind).String() == name {
				t.Errorf("%q does not show %s", name, attribute)
			}
		})
	}
}

// perturb changes the attributes in v, one at a time, and calls see while each
// is changed.
func perturb(v reflect.Value, path string, see func(attribute string)) {
	old := reflect.New(v.Type()).Elem()
	old.Set(v)
	defer v.Set(old)
	if _, ok := reflect.TypeAssert[ops.Dtype](v); ok {
		v.Set(reflect.ValueOf(ops.Float64))
		see(path)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			perturb(v.Field(i), path+"."+v.Type().Field(i).Name, see)
		}
		return
	case reflect.Array:
		for i := range v.Len() {
			perturb(v.Index(i), path, see)
		}
		return
	case reflect.Slice:
		v.Set(reflect.AppendSlice(reflect.MakeSlice(v.Type(), 0, v.Len()+1), v)) // a copy
		for i := range v.Len() {
			perturb(v.Index(i), path, see)
		}
		v.Set(reflect.Append(v, reflect.Zero(v.Type().Elem())))
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.Int:
		v.SetInt(v.Int() + 1)
	case reflect.Uint64:
		v.SetUint(v.Uint() + 1)
	case reflect.Float64:
		v.SetFloat(v.Float() + 0.125)
	case reflect.String:
		v.SetString(v.String() + "'")
	default:
		panic("attribute of kind " + v.Kind().String())
	}
	see(path)
}
