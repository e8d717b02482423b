"""What scripts/test and scripts/grade share: results and their files, TAP, machines, and how a script ends."""
