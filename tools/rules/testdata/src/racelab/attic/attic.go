package attic // want `package attic is in no row of importRules; say there what it may import`
