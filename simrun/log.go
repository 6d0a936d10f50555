package simrun

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/unicode"
)

// eachLine calls f for each line of a log with its number, from 1. The log may be UTF-16, or
// packed by gzip. A line that is longer than a megabyte comes in pieces; the stack of a
// goroutine, as Go dumps it, comes as one line.
func eachLine(log io.Reader, f func(number int, line string)) error {
	r, err := plain(bufio.NewReaderSize(log, 1<<20))
	if err != nil {
		return err
	}
	stack, began := "", 0
	give := func(number int, line string) {
		switch {
		case stack == "" && strings.HasPrefix(line, "goroutine ") && strings.HasSuffix(line, "]:"):
			stack, began = line, number
		case stack != "" && line != "" && len(stack) < longestStack:
			stack += " " + strings.TrimSpace(line)
		default:
			if stack != "" {
				f(began, stack)
				stack = ""
			}
			f(number, line)
		}
	}
	for number := 1; ; {
		line, err := r.ReadSlice('\n')
		if len(line) > 0 {
			give(number, strings.TrimRight(string(line), "\r\n"))
		}
		if err == nil {
			number++
		}
		switch {
		case errors.Is(err, io.EOF):
			if stack != "" {
				f(began, stack)
			}
			return nil
		case err != nil && !errors.Is(err, bufio.ErrBufferFull):
			return fmt.Errorf("the log cannot be read: %w", err)
		}
	}
}

// longestStack is after how many bytes one ends.
const longestStack = 1 << 16

// plain is what a log says as UTF-8.
func plain(log *bufio.Reader) (*bufio.Reader, error) {
	head, err := log.Peek(512)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("the log cannot be read: %w", err)
	}
	if bytes.HasPrefix(head, []byte{0x1f, 0x8b}) {
		unpacked, err := gzip.NewReader(log)
		if err != nil {
			return nil, fmt.Errorf("the log cannot be read: %w", err)
		}
		return plain(bufio.NewReaderSize(unpacked, 1<<20))
	}
	var utf16 encoding.Encoding
	even, odd := 0, 0 // zeros
	for i, b := range head {
		switch {
		case b != 0:
		case i%2 == 0:
			even++
		default:
			odd++
		}
	}
	switch {
	case bytes.HasPrefix(head, []byte{0xff, 0xfe}), bytes.HasPrefix(head, []byte{0xfe, 0xff}):
		utf16 = unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM)
	case odd > len(head)/3 && even == 0:
		utf16 = unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
	case even > len(head)/3 && odd == 0:
		utf16 = unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	case even+odd > 0 || packed(head):
		return nil, errors.New("the log is no text; want UTF-8 or UTF-16, as it is or packed by gzip")
	default:
		return log, nil
	}
	return bufio.NewReaderSize(utf16.NewDecoder().Reader(log), 1<<20), nil
}

// packed says whether a file begins as bzip2, xz, zstd or zip have it.
func packed(head []byte) bool {
	for _, magic := range []string{"BZh", "\xfd7zXZ", "\x28\xb5\x2f\xfd", "PK\x03\x04"} {
		if bytes.HasPrefix(head, []byte(magic)) {
			return true
		}
	}
	return false
}
