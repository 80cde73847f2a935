//! `plenary prove`: a small fleet finds that everybody hears everybody else.

use std::process::Stdio;

use anyhow::ensure;
use rfc_tests::server::plenary;
use serde_json::Value;

/// A machine that is busy with other tests may lose ticks, which is told as a fault too; not three times in a row.
fn prove(arguments: &[&str]) -> anyhow::Result<Value> {
    try_once(arguments).or_else(|_| try_once(arguments)).or_else(|_| try_once(arguments))
}

fn try_once(arguments: &[&str]) -> anyhow::Result<Value> {
    let arguments = [&["prove", "--json"], arguments].concat();
    let output = plenary(&arguments, &[])?.stdin(Stdio::null()).output()?;
    let (told, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "{}\n{told}\n{errors}", output.status);
    Ok(serde_json::from_str(&told)?)
}

#[test]
fn everybody_hears_exactly_the_others() -> anyhow::Result<()> {
    let report = prove(&["--parties", "5", "--seconds", "3"])?;
    assert_eq!((&report["heard_right"], &report["faults"]), (&Value::from(5), &Value::Array(Vec::new())), "{report}");
    assert!(report["packets"]["out"].as_u64() > Some(0), "{report}");
    assert!(report["server"]["memory_mib"].as_f64() > Some(1.0), "{report}");
    Ok(())
}

#[test]
fn everybody_hears_exactly_the_others_by_opus_over_srtp() -> anyhow::Result<()> {
    let report = prove(&["--parties", "4", "--talkers", "4", "--seconds", "3", "--codec", "opus", "--srtp"])?;
    assert_eq!((&report["heard_right"], &report["faults"]), (&Value::from(4), &Value::Array(Vec::new())), "{report}");
    Ok(())
}

/// Whoever hears of another conference hears a tone that nobody of his own says.
#[test]
fn conferences_of_mixed_codecs_stay_apart() -> anyhow::Result<()> {
    let arguments = ["--parties", "4", "--conferences", "3", "--talkers", "2", "--codec", "mixed", "--seconds", "3"];
    let report = prove(&arguments)?;
    assert_eq!((&report["heard_right"], &report["faults"]), (&Value::from(12), &Value::Array(Vec::new())), "{report}");
    Ok(())
}

#[test]
fn registrations_and_calls_are_counted() -> anyhow::Result<()> {
    let table = prove(&["--signalling", "--phones", "4", "--seconds", "2"])?;
    let rows = table["rows"].as_array().map(Vec::as_slice).unwrap_or_default();
    assert_eq!(rows.len(), 6, "REGISTER with and without challenge and calls, by UDP and TLS: {table}");
    for row in rows {
        assert!(row["per_second"].as_f64() > Some(0.0), "{row}");
        assert_eq!(row["faults"], Value::Array(Vec::new()), "{row}");
    }
    Ok(())
}

#[test]
fn a_fleet_that_cannot_be_is_refused_with_status_2() -> anyhow::Result<()> {
    for arguments in [["--parties", "1"], ["--talkers", "21"], ["--codec", "mp3"]] {
        let status = plenary(&[&["prove"][..], &arguments].concat(), &[])?.stderr(Stdio::null()).status()?;
        assert_eq!(status.code(), Some(2), "{arguments:?}");
    }
    Ok(())
}
