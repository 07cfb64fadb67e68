//go:build m2ptemu

#include "batchnorm.cu"
