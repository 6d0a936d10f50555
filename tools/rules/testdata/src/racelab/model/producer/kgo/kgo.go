package kgo
