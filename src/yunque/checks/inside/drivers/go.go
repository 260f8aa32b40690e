var _ testing.TB

func yunquePrint(at int, value interface{}) {
	fmt.Printf("\n\x1e%d %+q\n", at, fmt.Sprintf("%v", value))
}
