package driver

import "errors"

// ErrMemory tells that a GPU has not enough memory left.
var ErrMemory = errors.New("out of GPU memory")
