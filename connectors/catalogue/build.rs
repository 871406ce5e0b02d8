//! Puts every file of `apps/` into the crate, with what lists say of it.

use std::{env, error::Error, fmt::Write as _, fs, io, path::PathBuf};

type Failure = Box<dyn Error>;

fn main() -> Result<(), Failure> {
    println!("cargo::rerun-if-changed=apps");
    let folder = of_cargo("CARGO_MANIFEST_DIR")?.join("apps");
    let entries = fs::read_dir(&folder)?.map(|entry| Ok(entry?.path()));
    let mut files = entries.collect::<io::Result<Vec<_>>>()?;
    files.sort();
    let mut list = String::from("&[\n");
    for file in files {
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let place = format!("connectors/catalogue/apps/{name}");
        let table: toml::Table =
            fs::read_to_string(&file)?.parse().map_err(|error| format!("{place}: {error}"))?;
        let text = |key: &str| table.get(key).and_then(toml::Value::as_str).unwrap_or_default();
        let slug = text("slug");
        if name != format!("{slug}.toml") {
            return Err(format!("{place}: its slug is `{slug}`; call it {slug}.toml").into());
        }
        let path = file.to_str().ok_or("the folder's path is no UTF-8")?;
        writeln!(
            list,
            "    App {{ card: Card {{ slug: {slug:?}, display_name: {:?}, category: {:?} }}, manifest: include_str!({path:?}) }},",
            text("display_name"),
            text("category"),
        )?;
    }
    list.push_str("]\n");
    fs::write(of_cargo("OUT_DIR")?.join("apps.rs"), list)?;
    Ok(())
}

#[allow(clippy::disallowed_methods, reason = "so cargo tells a build script where it works")]
fn of_cargo(name: &str) -> Result<PathBuf, env::VarError> {
    env::var(name).map(PathBuf::from)
}
