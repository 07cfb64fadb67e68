//go:build m2ptemu

#include "columns.cu"
