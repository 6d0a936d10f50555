#include "textflag.h"

// func self() uintptr
TEXT ·self(SB), NOSPLIT, $0-8
	MOVQ (TLS), AX
	MOVQ AX, ret+0(FP)
	RET

// func above() *frame
TEXT ·above(SB), NOSPLIT, $0-8
	MOVQ (BP), AX
	MOVQ AX, ret+0(FP)
	RET
