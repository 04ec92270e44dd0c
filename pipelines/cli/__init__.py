"""The commands: arguments, output, exit codes. It imports all other folders, and none of them imports it."""
