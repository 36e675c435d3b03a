"""Words to regions: which thing that sensors show a phrase means, with a score that can be believed."""
