"""Pure formats: possession codes, the catalogue of options and the notices."""
