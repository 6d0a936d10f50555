// Package kgo models how franz-go commits offsets in a group, and how it leaves one.
package kgo
