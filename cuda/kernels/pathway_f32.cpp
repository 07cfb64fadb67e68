//go:build m2ptemu

#include "pathway.cu"
