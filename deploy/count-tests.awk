# Counts the tests in the output of one step: prints "PASSED FAILED". `status` is the step's exit status.

# cargo test: "test result: ok. 12 passed; 0 failed; 1 ignored; …"
/^test result: / { passed += before("passed;"); failed += before("failed;") }

# vitest: "      Tests  1 failed | 11 passed (12)"
/^ *Tests  / { passed += before("passed"); failed += before("failed") }

END {
    if (status != 0 && failed == 0) failed = 1
    print passed + 0, failed + 0
}

# The number in front of a word of this line.
function before(word,    i) {
    for (i = 2; i <= NF; i++) if ($i == word) return $(i - 1) + 0
    return 0
}
