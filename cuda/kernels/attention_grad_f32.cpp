//go:build m2ptemu

#include "attention_grad.cu"
