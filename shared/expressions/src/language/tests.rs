//! The language by its specification and its conformance tests, function by function.

use serde_json::{Value, json};

use crate::{EvaluationError, EventScope, Expression, on_deep_stack};

/// What an expression comes to; an error in its words.
fn come_to(source: &str) -> Result<Value, String> {
    let expression = Expression::compile(source).map_err(|error| error.to_string())?;
    let event = json!({ "data": {
        "amount": 7, "rate": 7.0, "text": "a\u{301}\u{1f600}", "none": null, "list": [1, 2, 3], "map": {"a": 1},
        "time": "2009-02-14T00:31:30+01:00", "bad": "no time",
    }});
    let made = on_deep_stack(|room| {
        let scope = EventScope::new(room, &event);
        expression.input(&scope).map_err(|error: EvaluationError| error.to_string())
    });
    made.expect("a thread starts")
}

/// Each is true.
fn all_hold(sources: &[&str]) {
    let wrong: Vec<_> = sources
        .iter()
        .map(|source| (source, come_to(source)))
        .filter(|(_, made)| *made != Ok(json!(true)))
        .map(|(source, made)| format!("{source}: {made:?}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// None can be read, or computed.
fn all_fail(sources: &[&str]) {
    let wrong: Vec<_> =
        sources.iter().filter_map(|source| Some(format!("{source}: {}", come_to(source).ok()?))).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_parts_of_a_time_are_those_in_utc_unless_a_zone_is_given() {
    let time = "timestamp('2009-02-14T00:31:30.123456789+01:00')";
    let parts = [
        (".getFullYear()", 2009),
        (".getMonth()", 1),
        (".getDate()", 13),
        (".getDayOfMonth()", 12),
        (".getDayOfWeek()", 5),
        (".getDayOfYear()", 43),
        (".getHours()", 23),
        (".getMinutes()", 31),
        (".getSeconds()", 30),
        (".getMilliseconds()", 123),
        (".getDate('Australia/Sydney')", 14),
        (".getDayOfMonth('US/Central')", 12),
        (".getDayOfMonth('+11:00')", 13),
        (".getDayOfWeek('UTC')", 5),
        (".getDayOfYear('US/Central')", 43),
        (".getFullYear('-09:30')", 2009),
        (".getHours('02:00')", 1),
        (".getMinutes('Asia/Kathmandu')", 16),
        (".getMonth('UTC')", 1),
        (".getSeconds('-00:00')", 30),
        (".getMilliseconds('Asia/Kathmandu')", 123),
    ];
    for (part, value) in parts {
        assert_eq!(come_to(&format!("{time}{part}")), Ok(json!(value)), "{part}");
    }
    all_hold(&[
        "timestamp(event.data.time).getHours() == 23",
        "timestamp(timestamp(event.data.time)).getDate() == 13",
        "(timestamp(event.data.time) + duration('1h')).getHours() == 0",
        "timestamp('2009-02-13T02:00:00Z').getDayOfMonth('America/St_Johns') == 11",
        "timestamp('2009-02-13T02:00:00Z').getDayOfMonth('-02:30') == 11",
    ]);
    all_fail(&["timestamp(event.data.time).getHours('Mars/Olympus')", "timestamp(event.data.time).getHours('+99:00')"]);
}

#[test]
fn times_are_those_of_rfc_3339_within_their_range() {
    all_hold(&[
        "timestamp('2009-02-13T23:31:30Z') == timestamp(1234567890)",
        "int(timestamp('2009-02-13T23:31:30Z')) == 1234567890",
        "string(timestamp('2009-02-13T23:31:30Z')) == '2009-02-13T23:31:30Z'",
        "string(timestamp('2009-02-14T00:31:30+01:00')) == '2009-02-13T23:31:30Z'",
        "string(timestamp('9999-12-31T23:59:59.999999999Z')) == '9999-12-31T23:59:59.999999999Z'",
        "timestamp('2009-02-13T23:00:00Z') + duration('240s') == timestamp('2009-02-13T23:04:00Z')",
        "duration('120s') + timestamp('2009-02-13T23:01:00Z') == timestamp('2009-02-13T23:03:00Z')",
        "timestamp('2009-02-13T23:10:00Z') - duration('600s') == timestamp('2009-02-13T23:00:00Z')",
        "timestamp('2009-02-13T23:31:00Z') - timestamp('2009-02-13T23:29:00Z') == duration('120s')",
        "timestamp('2009-02-13T23:00:00Z') < timestamp('2009-02-13T23:00:00.000000001Z')",
        "timestamp('2009-02-13T23:00:00Z') == timestamp('2009-02-14T00:00:00+01:00')",
    ]);
    assert_eq!(come_to("timestamp('2009-02-14T00:31:30.5+01:00')"), Ok(json!("2009-02-13T23:31:30.500Z")));
    all_fail(&[
        "timestamp('0000-01-01T00:00:00Z')",
        "timestamp('10000-01-01T00:00:00Z')",
        "timestamp('0001-01-01T00:00:00Z') + duration('-1ns')",
        "timestamp('9999-12-31T23:59:59.999999999Z') + duration('1ns')",
        "timestamp('9999-12-31T23:59:59Z') - timestamp('0001-01-01T00:00:00Z')",
        "timestamp(event.data.bad)",
        "timestamp('2009-02-13 23:31:30Z')",
        "timestamp('2009-02-13t23:31:30z')",
        "timestamp('2009-02-13T23:31:60Z')",
        "timestamp('2009-02-13')",
    ]);
}

#[test]
fn durations_are_read_whole_and_exactly() {
    all_hold(&[
        "duration('1h30m') == duration('5400s')",
        "duration('1.5h') == duration('90m')",
        "duration('-1.5s') == duration('-1500ms')",
        "duration('1s1ms1us1ns') == duration('1001001001ns')",
        "duration('0') == duration('0s')",
        "duration('9007199254740993ns') != duration('9007199254740992ns')",
        "duration('9223372036854775807ns') > duration('9223372036854775806ns')",
        "string(duration('1000000s')) == '1000000s'",
        "string(duration('1.5s')) == '1.5s'",
        "duration('10000s').getHours() == 2",
        "duration('3730s').getMinutes() == 62",
        "duration('3730s').getSeconds() == 3730",
        "duration('123.321456789s').getMilliseconds() == 321",
        "duration('600s') + duration('50s') == duration('650s')",
        "duration('900s') - duration('42s') == duration('858s')",
        "duration('200s') < duration('300s')",
    ]);
    all_fail(&[
        "duration('1h nonsense')",
        "duration('1e3s')",
        "duration('--1s')",
        "duration('1h-30m')",
        "duration('5')",
        "duration('')",
        "duration('s')",
        "duration('.s')",
        "duration('infs')",
        "duration('1d')",
        "duration('320000000000s')",
        "duration('-320000000000s')",
        "duration('200000000000s') + duration('200000000000s')",
    ]);
}

#[test]
fn numbers_compare_on_one_line_and_overflow_is_an_error() {
    all_hold(&[
        "event.data.amount == 7.0 && event.data.rate == 7 && 7u == event.data.amount",
        "event.data.amount < 7.5 && event.data.amount > 6.5 && 1 < 2u && -1 < 0u",
        "!(-1 == 18446744073709551615u) && 9223372036854775807 < 9223372036854775808u",
        "1 == 1.0 && [1, 2.0] == [1.0, 2u] && {'a': 1} == {'a': 1.0}",
        "7 / 2 == 3 && -7 / 2 == -3 && 7 % 3 == 1 && -7 % 3 == -1",
        "1.0 / 0.0 > 1e308 && -1.0 / 0.0 < -1e308",
        "double('NaN') != double('NaN')",
        "1 != '1' && null == event.data.none && true != 1",
        "2 + 3 * 4 == 14 && (2 + 3) * 4 == 20 && 0x1f == 31 && 1e3 == 1000.0",
    ]);
    all_fail(&[
        "9223372036854775807 + 1",
        "-9223372036854775807 - 2",
        "9223372036854775807 * 2",
        "-(-9223372036854775807 - 1)",
        "(-9223372036854775807 - 1) / -1",
        "18446744073709551615u + 1u",
        "0u - 1u",
        "1 / 0",
        "1 % 0",
        "1u / 0u",
        "event.data.amount + 1.0",
        "1 < 'a'",
        "5.0 % 2.0",
        "9223372036854775808",
    ]);
}

#[test]
fn conversions_lose_nothing_unsaid() {
    all_hold(&[
        "int('42') == 42 && int(42u) == 42 && int(42.9) == 42 && int(-42.9) == -42",
        "uint('42') == 42u && uint(42) == 42u && uint(42.9) == 42u",
        "double('4.5') == 4.5 && double(4) == 4.0 && double('1e3') == 1000.0",
        "string(42) == '42' && string(42u) == '42' && string(4.5) == '4.5' && string(true) == 'true'",
        "string('a') == 'a' && string(b'abc') == 'abc' && bytes('abc') == b'abc'",
        "bool('true') && !bool('false') && bool(true)",
        "dyn(3) == 3.0",
        "type(1) == int && type(1u) == uint && type(1.0) == double && type('a') == string && type(true) == bool",
        "type(null) == null_type && type([1]) == list && type({'a': 1}) == map && type(b'a') == bytes && type(int) == type",
    ]);
    all_fail(&[
        "int('4.5')",
        "int('')",
        "int(9223372036854775808u)",
        "int(1e19)",
        "int(double('NaN'))",
        "int('9223372036854775808')",
        "uint(-1)",
        "uint(-1.0)",
        "uint('-1')",
        "uint(1e20)",
        "double('x')",
        "bool('yes')",
        "string(b'\\xff')",
        "int(true)",
        "int(event.data.none)",
    ]);
}

#[test]
fn texts_are_of_code_points_and_escapes_are_those_of_the_language() {
    all_hold(&[
        "size(event.data.text) == 3 && event.data.text.size() == 3 && size(b'\\xff\\x00') == 2 && size('') == 0",
        r"'\u00e9' == 'é' && '\U0001F600' == '😀' && '\x41' == 'A' && '\101' == 'A'",
        r"'\a\b\f\n\r\t\v' == '\x07\x08\x0c\x0a\x0d\x09\x0b'",
        r#"'\\' + '\'' + '\"' + '\`' + '\?' == r'\' + "'" + '"' + '`' + '?'"#,
        r"r'\d' == '\\d' && size(r'\n') == 2",
        "'''a\nb''' == 'a\\nb'",
        "'abc' < 'abd' && 'a' < 'b' && 'Z' < 'a' && 'a' + 'b' == 'ab'",
        "'hello'.contains('ell') && 'hello'.startsWith('he') && 'hello'.endsWith('lo') && 'x'.contains('')",
    ]);
    all_fail(&[r"'\q'", r"'\u12'", r"'\xg0'", r"'\ud800'", r"'\400'"]);
}

#[test]
fn patterns_are_searched_for_as_re2_does() {
    all_hold(&[
        "'hubba'.matches('ubb') && !'hubba'.matches('^ubb') && matches('hubba', 'a$')",
        r"'a1'.matches('\\d') && !'\u0661'.matches('\\d') && '\u0661'.matches('\\D') && '\u0661'.matches('^[^\\d]$')",
        r"'a_1'.matches('^\\w+$') && !'é'.matches('\\w') && 'é'.matches('\\W') && !'é'.matches('[\\w]')",
        r"!'\u00a0'.matches('\\s') && ' '.matches('\\s') && '\u00a0'.matches('[\\S]')",
        r"'a b'.matches('\\bb') && '[]'.matches('^[[][]]$') && 'é'.matches('^.$') && 'É'.matches('(?i)é')",
        r"'\\d'.matches('^\\\\d$') && 'k]'.matches('[]]')",
        // What Rust takes for operations on sets.
        "'&'.matches('[a&&b]') && 'a'.matches('[a&&b]') && '~'.matches('[a~~b]') && 'a'.matches('^[a&]$')",
        "'-'.matches('[+--]') && ','.matches('^[+--/]$') && '/'.matches('^[+--/]$') && !'.'.matches('[+--/]')",
        "'-'.matches('[-a]') && '-'.matches('[a-]') && '-'.matches('[a-c-]') && 'b'.matches('[a-c-]') && '5'.matches('^[--9]$')",
        r"'-'.matches('^[\\w-]$') && '-'.matches('^[\\d--]$') && 'x'.matches('^[[:alpha:]-]$') && '&-~'.matches('^&-~$')",
    ]);
    all_fail(&["'a'.matches('(')", "'a'.matches('*')", "'a'.matches('(?=a)')", r"'a'.matches('(a)\\1')"]);
}

#[test]
fn what_is_not_there_is_asked_for_and_macros_go_over_lists_and_maps() {
    all_hold(&[
        "has(event.data.amount) && !has(event.data.nothing) && has(event.data.none) && has({'a': 1}.a) && !has({'a': 1}.b)",
        "1 in [1, 2] && 1.0 in [1, 2] && !(3 in [1, 2]) && 'a' in event.data.map && !('b' in event.data.map)",
        "event.data.list[0] == 1 && event.data.map['a'] == 1 && event.data['amount'] == 7",
        "[1, 2, 3].all(x, x > 0) && ![1, 2].all(x, x > 1) && [].all(x, false)",
        "[1, 2].exists(x, x == 2) && ![].exists(x, true) && {'a': 1, 'b': 2}.exists(k, k == 'b')",
        "[1, 2, 2].exists_one(x, x == 1) && ![1, 2, 2].exists_one(x, x == 2)",
        "[1, 2, 3].map(x, x * 2) == [2, 4, 6] && [1, 2, 3].map(x, x > 1, x * 2) == [4, 6]",
        "[1, 2, 3].filter(x, x > 1) == [2, 3] && size([1, 2]) == 2 && {'a': 1}.size() == 1",
        "[1] + [2] == [1, 2] && [1, 2] != [2, 1] && {'a': 1, 'b': 2} == {'b': 2, 'a': 1}",
        // An error is absorbed where the others decide.
        "[1, 2].exists(x, x == 2 || 1 / (x - 1) > 5) && ![0, 1].all(x, 1 / x > 5)",
    ]);
    all_fail(&[
        "event.data.nothing",
        "event.data.list[3]",
        "event.data.list[-1]",
        "event.data.map['b']",
        "{'a': 1, 'a': 2}",
        "[1, 2].exists_one(x, 1 / 0 == x)",
        "[0, 1].all(x, 1 / x == 1)",
        "size(1)",
    ]);
}

#[test]
fn what_decides_absorbs_errors_from_both_sides() {
    all_hold(&[
        "true || 1 / 0 == 1",
        "1 / 0 == 1 || true",
        "!(false && 1 / 0 == 1)",
        "!(1 / 0 == 1 && false)",
        "event.data.nothing == 1 || event.data.amount == 7",
        "true ? true : 1 / 0 == 1",
        "(false ? 1 / 0 : 1) == 1",
    ]);
    all_fail(&["false || 1 / 0 == 1", "1 / 0 == 1 || false", "true && 1 / 0 == 1", "1 / 0 == 1 && true", "1 ? 2 : 3"]);
}
