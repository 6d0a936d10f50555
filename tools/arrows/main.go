// Command arrows says how far the files of a package stand in an order: in which
// one each file uses only what stands in files before it.
//
//	go -C tools run ./arrows ../sim
//
// An arrow leads from a file to another one of which it uses a declaration, a
// method or a field. For some orders of the files few arrows lead to a later file;
// it prints such an order, and those arrows with what they use.
package main

import (
	"fmt"
	"go/ast"
	"go/types"
	"maps"
	"math/rand"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "arrows: want one folder of a package, as in: go -C tools run ./arrows ../sim")
		os.Exit(2)
	}
	a, err := arrowsOf(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "arrows:", err)
		os.Exit(2)
	}
	order := a.order()
	fmt.Printf("%d files, %d arrows, %d against the order\n", len(order), a.count(), len(a.against(order)))
	for _, x := range a.against(order) {
		fmt.Printf("%s -> %s: %s\n", x.from, x.to, strings.Join(slices.Sorted(maps.Keys(a[x.from][x.to])), " "))
	}
	fmt.Println(strings.Join(order, " "))
}

// arrows is what each file uses of each other one.
type arrows map[string]map[string]map[string]bool

type arrow struct{ from, to string }

func arrowsOf(folder string) (arrows, error) {
	pkgs, err := packages.Load(&packages.Config{
		Mode: packages.NeedFiles | packages.NeedSyntax | packages.NeedTypes | packages.NeedTypesInfo | packages.NeedImports | packages.NeedDeps,
		Dir:  folder,
	}, ".")
	if err != nil {
		return nil, err
	}
	p := pkgs[0]
	if len(p.Errors) > 0 {
		return nil, p.Errors[0]
	}
	all := arrows{}
	for _, f := range p.Syntax {
		from := filepath.Base(p.Fset.Position(f.Pos()).Filename)
		all[from] = map[string]map[string]bool{}
		ast.Inspect(f, func(n ast.Node) bool {
			id, ok := n.(*ast.Ident)
			if !ok {
				return true
			}
			o := p.TypesInfo.Uses[id]
			if o == nil || o.Pkg() != p.Types || !isShared(o) {
				return true
			}
			if to := filepath.Base(p.Fset.Position(o.Pos()).Filename); to != from {
				if all[from][to] == nil {
					all[from][to] = map[string]bool{}
				}
				all[from][to][o.Name()] = true
			}
			return true
		})
	}
	return all, nil
}

// isShared says whether other files can use what is declared: a field, a method,
// or what stands at the top.
func isShared(o types.Object) bool {
	switch o := o.(type) {
	case *types.Var:
		return o.IsField() || o.Parent() == o.Pkg().Scope()
	case *types.Func:
		return true
	}
	return o.Parent() == o.Pkg().Scope()
}

func (a arrows) count() int {
	n := 0
	for _, to := range a {
		n += len(to)
	}
	return n
}

// against lists the arrows that lead to a later file.
func (a arrows) against(order []string) []arrow {
	var list []arrow
	for i, from := range order {
		for _, to := range order[i+1:] {
			if a[from][to] != nil {
				list = append(list, arrow{from, to})
			}
		}
	}
	return list
}

// order is one with few arrows against it. To find the fewest is hard, so from many
// random orders each file is moved to where it is best, until none gains by that.
func (a arrows) order() []string {
	files := slices.Sorted(maps.Keys(a))
	r := rand.New(rand.NewSource(1))
	var best []string
	for range 60 {
		order := slices.Clone(files)
		r.Shuffle(len(order), func(i, k int) { order[i], order[k] = order[k], order[i] })
		for gained := true; gained; {
			gained = false
			for _, f := range files {
				gained = a.place(order, f) || gained
			}
		}
		if best == nil || len(a.against(order)) < len(a.against(best)) {
			best = order
		}
	}
	return best
}

// place moves a file to where the fewest of its arrows are against the order, and
// says whether that gained anything.
func (a arrows) place(order []string, file string) bool {
	was := slices.Index(order, file)
	others := slices.Delete(slices.Clone(order), was, was+1)
	cost := len(a[file]) // At the first place, all that it uses comes later.
	costs := []int{cost}
	for _, x := range others {
		if a[file][x] != nil {
			cost--
		}
		if a[x][file] != nil {
			cost++
		}
		costs = append(costs, cost)
	}
	to := slices.Index(costs, slices.Min(costs))
	if costs[to] == costs[was] {
		return false
	}
	copy(order, slices.Insert(others, to, file))
	return true
}
