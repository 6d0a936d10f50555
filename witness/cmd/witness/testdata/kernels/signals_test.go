package kernels

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"
)

// TestSignalLost: a channel with room for one is notified of two signals.
func TestSignalLost(t *testing.T) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGUSR1, syscall.SIGUSR2)
	defer signal.Stop(c)
	_ = syscall.Kill(os.Getpid(), syscall.SIGUSR1)
	_ = syscall.Kill(os.Getpid(), syscall.SIGUSR2)
	<-c
	<-c
}

// interrupt sends a signal to this process.
func interrupt(sig os.Signal) {
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Signal(sig)
	}
	if err != nil {
		panic(err)
	}
}

// TestSignalEarly: a signal may come before anybody is notified, and ends the process.
func TestSignalEarly(t *testing.T) {
	go interrupt(os.Interrupt)
	c := make(chan os.Signal, 1)
	signal.Notify(c, os.Interrupt)
	defer signal.Stop(c)
	<-c
}

// TestSignalToClosed: the channel is closed, and is still notified.
func TestSignalToClosed(t *testing.T) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, os.Interrupt)
	go interrupt(os.Interrupt)
	select {
	case <-c:
	case <-time.After(time.Millisecond):
	}
	close(c)
}

// TestSignalsFine awaits a signal, hears of one that comes before it stops, and ignores one.
func TestSignalsFine(t *testing.T) {
	ctx, stop := signal.NotifyContext(t.Context(), os.Interrupt)
	go interrupt(os.Interrupt)
	select {
	case <-ctx.Done():
	case <-time.After(time.Minute):
		t.Error("no signal")
	}
	stop()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) || cause.Error() != "interrupt signal received" {
		t.Error(cause)
	}
	c := make(chan os.Signal, 2)
	signal.Notify(c, syscall.SIGTERM)
	signal.Notify(c, syscall.SIGHUP)
	interrupt(syscall.SIGTERM)
	signal.Stop(c)
	signal.Ignore(syscall.SIGHUP)
	interrupt(syscall.SIGHUP)
	if len(c) != 1 || signal.Ignored(syscall.SIGTERM) {
		t.Error(len(c))
	}
	if signal.Reset(syscall.SIGHUP); !signal.Ignored(syscall.SIGHUP) {
		t.Error("it is not ignored")
	}
	signal.Notify(c, syscall.SIGHUP)
	defer signal.Stop(c)
	interrupt(syscall.SIGHUP)
	if <-c != syscall.SIGTERM || <-c != syscall.SIGHUP || signal.Ignored(syscall.SIGHUP) {
		t.Error("it is still ignored")
	}
}
