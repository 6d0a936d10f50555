#include "textflag.h"

// func Fetch(address unsafe.Pointer)
TEXT ·Fetch(SB), NOSPLIT, $0-8
	MOVD address+0(FP), R0
	PRFM (R0), PLDL1KEEP
	RET
