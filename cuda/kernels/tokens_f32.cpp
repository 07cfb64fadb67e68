//go:build m2ptemu

#include "tokens.cu"
