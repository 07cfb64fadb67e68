//go:build m2ptemu

#include "attention_cosine.cu"
