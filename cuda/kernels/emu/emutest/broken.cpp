//go:build m2ptemu

#include "broken.cu"
