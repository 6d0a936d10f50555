// Package kgo models how franz-go commits offsets in a group.
package kgo
