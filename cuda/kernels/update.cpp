//go:build m2ptemu

#include "update.cu"
