//go:build m2ptcuda

package gpu

// #include "native.h"
import "C"

import (
	"errors"
	"fmt"
	"reflect"
)

var errClosed = errors.New("the GPU's driver.Driver is closed")

// failed is err, an error of cu, with the name and text that CUDA has for it and the call
// that gave it. It is nil where err is.
func failed(err error, call string) error {
	if err == nil {
		return nil
	}
	if v := reflect.ValueOf(err); v.CanInt() { // cu keeps the type to itself
		return check(C.CUresult(v.Int()), call)
	}
	return fmt.Errorf("%s: %w", call, err)
}

// check is the error that the result of a call stands for.
func check(r C.CUresult, call string) error {
	if r == C.CUDA_SUCCESS {
		return nil
	}
	var name, text *C.char
	C.cuGetErrorName(r, &name)
	C.cuGetErrorString(r, &text)
	if name == nil || text == nil {
		return fmt.Errorf("%s: CUDA error %d", call, int(r))
	}
	return fmt.Errorf("%s: %s: %s", call, C.GoString(name), C.GoString(text))
}
