package simrun

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"racelab/scenario"
)

// subject is what a command is about: NAME[/VARIANT][@SETTING], with --variant and
// --set.
type subject struct {
	*scenario.Case

	variantName string
	settings    []string
}

// takesScenario makes SCENARIO the one argument of a command.
func (a *app) takesScenario(c *cobra.Command) {
	c.Args = func(c *cobra.Command, args []string) error {
		if len(args) != 1 {
			return fmt.Errorf("%s takes one scenario, not %d; possible: %s", c.Name(), len(args), strings.Join(a.names(), ", "))
		}
		return nil
	}
	c.ValidArgsFunction = a.complete
}

func (a *app) names() []string {
	var names []string
	for _, s := range a.all {
		names = append(names, s.Name)
	}
	return names
}

// whole finds the scenario of a command that takes no variant and no setting.
func (a *app) whole(command, text string) (*scenario.Race, error) {
	name := text
	if i := strings.IndexAny(text, "/@"); i >= 0 {
		name = text[:i]
	}
	race, err := scenario.Find(a.all, name)
	if err == nil && name != text {
		err = fmt.Errorf("%s takes a scenario as a whole, not %.60q; want %s", command, text, name)
	}
	return race, err
}

// complete completes NAME[/VARIANT][@SETTING].
func (a *app) complete(_ *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var all []string
	for _, s := range a.all {
		all = append(all, s.Name)
		if !strings.HasPrefix(typed, s.Name) {
			continue
		}
		for _, v := range s.Variants {
			all = append(all, s.Name+"/"+v.Name)
			for _, setting := range s.Settings {
				all = append(all, s.Name+"/"+v.Name+"@"+setting.Name)
			}
		}
	}
	return slices.DeleteFunc(all, func(name string) bool { return !strings.HasPrefix(name, typed) }), cobra.ShellCompDirectiveNoFileComp
}

func (s *subject) flags(a *app, c *cobra.Command) {
	c.Flags().StringVar(&s.variantName, "variant", "", "the variant, as /VARIANT; without it, the unfixed one")
	c.Flags().StringArrayVar(&s.settings, "set", nil, "a parameter, as NAME=VALUE; may be repeated")
	_ = c.RegisterFlagCompletionFunc("variant", func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		var names []string
		if len(args) == 1 && s.find(a, args[0]) == nil {
			names = s.Race.VariantNames()
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	})
}

// find finds what the argument and the flags name.
func (s *subject) find(a *app, text string) (err error) {
	name, setting, hasSetting := strings.Cut(text, "@")
	name, variant, hasVariant := strings.Cut(name, "/")
	race, err := scenario.Find(a.all, name)
	if err != nil {
		return err
	}
	switch {
	case hasVariant && s.variantName != "" && s.variantName != variant:
		return fmt.Errorf("%.60s and --variant %.60s name two variants; want one", text, s.variantName)
	case hasVariant && variant == "":
		return &scenario.UnknownName{Kind: "variant of " + name, Possible: race.VariantNames()}
	case hasSetting && setting == "":
		return &scenario.UnknownName{Kind: "setting of " + name, Possible: race.SettingNames()}
	case !hasVariant:
		variant = s.variantName
	}
	s.Case, err = race.Case(variant, setting, s.settings...)
	return err
}
