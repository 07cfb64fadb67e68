//go:build m2ptemu

#include "window.cu"
