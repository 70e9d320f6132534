//! Every misuse has a message that says the cure. `TRYBUILD=overwrite` writes the messages anew; read them.

#[test]
fn misuse_says_the_cure() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
