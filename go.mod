module racelab

go 1.26.0

require (
	github.com/KimMachineGun/automemlimit v1.0.1 // how much memory the machine or its container has
	github.com/anishathalye/porcupine v1.3.1 // judges histories of commits and fetches, and draws them
	github.com/cockroachdb/datadriven v1.0.3
	github.com/google/jsonschema-go v0.4.3 // tests hold --json to docs/schema
	github.com/spf13/cobra v1.10.2
	github.com/spf13/pflag v1.0.9
	github.com/yuin/goldmark v1.7.13 // the lessons, as HTML in the page
	golang.org/x/image v0.30.0 // the weights of gonum/plot's fonts
	golang.org/x/term v0.47.0
	golang.org/x/text v0.28.0 // logs in UTF-16
	gonum.org/v1/gonum v0.17.0 // quantiles of what sweeps measure
	gonum.org/v1/plot v0.17.0 // axes and canvases (PNG, SVG) of the figures; its font is embedded
	pgregory.net/rapid v1.3.0
)

require (
	codeberg.org/go-fonts/liberation v0.5.0 // indirect
	codeberg.org/go-latex/latex v0.2.0 // indirect
	codeberg.org/go-pdf/fpdf v0.11.1 // indirect
	git.sr.ht/~sbinet/gg v0.7.0 // indirect
	github.com/ajstarks/svgo v0.0.0-20211024235047-1546f124cd8b // indirect
	github.com/golang/freetype v0.0.0-20170609003504-e2365dfdc4a0 // indirect
	github.com/inconshreveable/mousetrap v1.1.0 // indirect
	github.com/pbnjay/memory v0.0.0-20210728143218-7b4eea64cf58 // indirect
	github.com/pmezard/go-difflib v1.0.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
)
