#include "textflag.h"

// func self() uintptr
TEXT ·self(SB), NOSPLIT, $0-8
	MOVD g, ret+0(FP)
	RET

// func above() *frame
TEXT ·above(SB), NOSPLIT, $0-8
	MOVD (R29), R0
	MOVD R0, ret+0(FP)
	RET
