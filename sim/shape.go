package sim

import (
	"maps"
	"reflect"
	"time"
)

var (
	objectType    = reflect.TypeFor[object]()
	channelType   = reflect.TypeFor[channel]()
	timeType      = reflect.TypeFor[Time]()
	envelopeType  = reflect.TypeFor[Envelope]()
	referenceType = reflect.TypeFor[reference]()
	drawsType     = reflect.TypeFor[Random]()
)

// of is the shape of a type.
func (s *shapes) of(t reflect.Type) *typeShape {
	if sh := s.find(t); sh != nil {
		return sh
	}
	s.order = s.order[:0]
	sh := s.make(t)
	s.finish()
	return sh
}

func (s *shapes) find(t reflect.Type) *typeShape {
	if sh := s.known[t]; sh != nil {
		return sh
	}
	return s.made[t]
}

// keep ends the making of what other worlds may read.
func (s *shapes) keep() {
	if len(s.made) > 0 {
		if s.known != nil {
			maps.Copy(s.made, s.known)
		}
		s.known, s.made = s.made, nil
	}
}

func (s *shapes) make(t reflect.Type) *typeShape {
	if sh := s.find(t); sh != nil {
		return sh
	}
	sh := &typeShape{typ: t, plain: true}
	if s.made == nil {
		s.made = map[reflect.Type]*typeShape{}
	}
	s.made[t] = sh
	s.order = append(s.order, sh)
	switch t {
	case timeType:
		sh.op, sh.times = moment, true
		return sh
	case envelopeType:
		sh.op = request
		return sh
	case referenceType:
		sh.op = unhashed
		return sh
	}
	switch t.Kind() {
	case reflect.Bool, reflect.Int8, reflect.Uint8:
		sh.op = word8
	case reflect.Int16, reflect.Uint16:
		sh.op = word16
	case reflect.Int32, reflect.Uint32, reflect.Float32:
		sh.op = word32
	case reflect.Int, reflect.Uint, reflect.Int64, reflect.Uint64, reflect.Float64:
		sh.op = word64
	case reflect.String:
		sh.op = text
	case reflect.Struct:
		switch sh.sort = aStruct; {
		case t.PkgPath() == "sync" || t.PkgPath() == "sync/atomic" || t == dateType:
			sh.sort, sh.bad = refused, true
			return sh
		case isObject(t):
			sh.sort, sh.plain = anObject, false
		}
		s.fields(sh, t, 0)
	case reflect.Array:
		sh.sort, sh.elem = anArray, s.make(t.Elem())
	case reflect.Slice:
		sh.sort, sh.elem = aSlice, s.make(t.Elem())
	case reflect.Pointer:
		sh.sort, sh.plain = aPointer, false
	case reflect.Interface:
		sh.sort, sh.plain = anInterface, false
	case reflect.Func:
		sh.sort, sh.plain = aFunction, false
	default:
		sh.sort, sh.bad = refused, true
	}
	return sh
}

// fields adds the fields of a struct that lies at an offset in another one.
func (s *shapes) fields(sh *typeShape, t reflect.Type, offset uintptr) {
	for i := range t.NumField() {
		f := t.Field(i)
		switch f.Type {
		case objectType:
			continue
		case channelType:
			s.fields(sh, f.Type, offset+f.Offset)
			continue
		}
		tag := f.Tag.Get("sim")
		field := fieldShape{name: f.Name, offset: offset + f.Offset, config: tag == "config" || tag == "-"}
		if f.Anonymous {
			field.name = ""
		}
		switch {
		case field.config:
			field.shape = &typeShape{typ: f.Type}
		case t == drawsType:
			field.shape = &typeShape{typ: f.Type, op: drawn, plain: true}
		default:
			field.shape = s.make(f.Type)
		}
		sh.fields = append(sh.fields, field)
	}
}

// finish tells each shape what those of its parts say, until that changes nothing: a
// type may hold slices of itself.
func (s *shapes) finish() {
	for changed := true; changed; {
		changed = false
		for _, sh := range s.order {
			was := *sh
			for i := range sh.fields {
				sh.follows(sh.fields[i].shape)
			}
			if sh.elem != nil {
				sh.follows(sh.elem)
			}
			changed = changed || sh.plain != was.plain || sh.bad != was.bad || sh.times != was.times
		}
	}
	for _, sh := range s.order {
		if sh.sort == aSlice && sh.elem.plain {
			sh.element()
		}
	}
}

func (sh *typeShape) follows(part *typeShape) {
	sh.plain, sh.bad, sh.times = sh.plain && part.plain, sh.bad || part.bad, sh.times || part.times
}

// element is what the elements of a slice consist of.
func (sh *typeShape) element() *element {
	if sh.parts == nil {
		e := &element{slice: sh.typ, size: sh.elem.typ.Size(), times: sh.elem.times}
		sh.parts = e
		e.add(sh.elem, 0)
		e.word = len(e.parts) == 1 && e.parts[0].op == word64 && e.size == 8
	}
	return sh.parts
}

// add adds what lies at an offset.
func (e *element) add(sh *typeShape, offset uintptr) {
	switch sh.sort {
	case aLeaf:
		e.parts = append(e.parts, part{offset, sh.op, nil})
	case aStruct:
		for i := range sh.fields {
			e.add(sh.fields[i].shape, offset+sh.fields[i].offset)
		}
	case anArray:
		for i := range sh.typ.Len() {
			e.add(sh.elem, offset+uintptr(i)*sh.elem.typ.Size())
		}
	case aSlice:
		e.deep = true
		e.parts = append(e.parts, part{offset, list, sh.element()})
	}
}

// isInside says whether the type is one of this package: what it holds is the
// world's business.
// dateType is of the real clock.
var dateType = reflect.TypeFor[time.Time]()

func isInside(t reflect.Type) bool { return t.PkgPath() == objectType.PkgPath() }

// isObject says whether the type is a Var, a Mutex, or another object.
func isObject(t reflect.Type) bool {
	return isInside(t) && t.NumField() > 0 && (t.Field(0).Type == objectType || t.Field(0).Type == channelType)
}

// isMadeOfObjects says whether the type is one of this package that has no state
// but objects.
func isMadeOfObjects(t reflect.Type) bool {
	return t == reflect.TypeFor[Once]() || t == reflect.TypeFor[Context]() || t == reflect.TypeFor[AfterFunc]()
}
