//go:build m2ptemu

#include "layernorm.cu"
