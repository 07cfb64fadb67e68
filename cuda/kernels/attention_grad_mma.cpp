//go:build m2ptemu

#include "attention_grad_mma.cu"
