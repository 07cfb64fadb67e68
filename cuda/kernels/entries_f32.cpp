//go:build m2ptemu

#include "entries.cu"
