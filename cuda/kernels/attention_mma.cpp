//go:build m2ptemu

#include "attention_mma.cu"
