"""``ftwb …``: parse, call, print. stdout is data, stderr is narration."""
