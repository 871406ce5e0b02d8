//! The checks. Each answers with complaints; none is good.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use cargo_metadata::{DependencyKind, MetadataCommand};

use crate::source;

/// One row of the table of packages.
pub(crate) struct Rule {
    pub(crate) folder: &'static str,
    pub(crate) uses: &'static [&'static str],
    pub(crate) tests_use: &'static [&'static str],
}

/// A package of the workspace and the names of its direct dependencies, ours and others'.
#[derive(Debug, Clone)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) folder: String,
    pub(crate) uses: BTreeSet<String>,
    pub(crate) tests_use: BTreeSet<String>,
}

/// A source file of the hub; the path is relative to its `src`.
#[derive(Debug, Clone)]
pub(crate) struct Room {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// Fails with all complaints at once.
pub(crate) fn none(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n  {}\n", complaints.join("\n  "));
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

pub(crate) fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The names of the folders in `path`, sorted.
pub(crate) fn folders(path: &Path) -> Vec<String> {
    let entries = fs::read_dir(path).expect("a readable folder").map(|entry| entry.expect("entry"));
    let mut names: Vec<_> = entries
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// The packages of the workspace, sorted by folder.
pub(crate) fn workspace(root: &Path) -> Vec<Package> {
    let metadata = MetadataCommand::new()
        .manifest_path(root.join("Cargo.toml"))
        .no_deps()
        .exec()
        .expect("cargo metadata answers");
    let package = |package: &cargo_metadata::Package| {
        let folder = package.manifest_path.parent().expect("a manifest lies in a folder");
        let named = |tests: bool| {
            let of_kind = package
                .dependencies
                .iter()
                .filter(move |it| (it.kind == DependencyKind::Development) == tests);
            of_kind.map(|it| it.name.clone()).collect()
        };
        Package {
            name: package.name.to_string(),
            folder: folder
                .strip_prefix(&metadata.workspace_root)
                .map_or_else(|_| folder.to_string(), ToString::to_string)
                .replace('\\', "/"),
            uses: named(false),
            tests_use: named(true),
        }
    };
    let mut packages: Vec<_> = metadata.workspace_packages().into_iter().map(package).collect();
    packages.sort_by(|a, b| a.folder.cmp(&b.folder));
    packages
}

/// Arrows between our packages that the table does not have.
pub(crate) fn packages(packages: &[Package], table: &[Rule]) -> Vec<String> {
    let folders: BTreeMap<_, _> =
        packages.iter().map(|package| (package.name.as_str(), package.folder.as_str())).collect();
    let mut complaints = Vec::new();
    for package in packages {
        let Some(rule) = table.iter().find(|rule| matches(rule.folder, &package.folder)) else {
            complaints.push(format!("{} has no row in the table of arrows", package.folder));
            continue;
        };
        let allowed = |name: &str, folder: &str, list: &[&str]| {
            list.iter().any(|may| *may == name || (may.contains('/') && matches(may, folder)))
        };
        for (used, in_tests) in all(package) {
            let Some(folder) = folders.get(used) else { continue };
            let fine = allowed(used, folder, rule.uses)
                || (in_tests && allowed(used, folder, rule.tests_use));
            if !fine {
                let place = if in_tests { " in its tests" } else { "" };
                complaints.push(format!("{} may not use {used}{place}", package.folder));
            }
        }
    }
    let stale =
        |rule: &&Rule| !packages.iter().any(|package| matches(rule.folder, &package.folder));
    complaints
        .extend(table.iter().filter(stale).map(|rule| format!("the row {} is stale", rule.folder)));
    complaints
}

/// Libraries that a package names though their home is another.
pub(crate) fn homes(packages: &[Package], table: &[(&[&str], &[&str], &str)]) -> Vec<String> {
    let mut complaints = Vec::new();
    for package in packages {
        for (used, _) in all(package) {
            for (libraries, homes, why) in table {
                if libraries.iter().any(|library| matches(library, used))
                    && !homes.contains(&package.name.as_str())
                {
                    complaints.push(format!("{} may not use {used}: {why}", package.name));
                }
            }
        }
    }
    complaints
}

/// A package's direct dependencies, and whether only its tests have them.
fn all(package: &Package) -> impl Iterator<Item = (&str, bool)> {
    let real = package.uses.iter().map(|name| (name.as_str(), false));
    let tests = package.tests_use.difference(&package.uses).map(|name| (name.as_str(), true));
    real.chain(tests)
}

/// Whether `name` is `pattern`, in which a final `*` stands for anything.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    }
}

/// All source files of one of our crates; paths are relative to its `src`.
pub(crate) fn files_of(name: &str) -> Vec<Room> {
    let src = root().join("crates").join(name).join("src");
    let mut files = Vec::new();
    let mut open = vec![src.clone()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).expect("a readable folder") {
            let path = entry.expect("entry").path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let inside = path.strip_prefix(&src).expect("inside src").to_string_lossy();
                files.push(Room { path: inside.replace('\\', "/"), text: read(&path) });
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(!files.is_empty(), "{name} has source files");
    files
}

/// Arrows between rooms that point up, circles, and rooms without a floor.
pub(crate) fn rooms(files: &[Room], floors: &[&[&str]]) -> Vec<String> {
    let floor = |room: &str| floors.iter().position(|floor| floor.contains(&room));
    let lib = files.iter().filter(|file| file.path == "lib.rs");
    let re_exported: BTreeMap<String, String> = lib
        .flat_map(|file| source::root_uses(&file.text))
        .filter_map(|path| Some((path.bound_to, path.segments.into_iter().next()?)))
        .collect();
    let mut complaints = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let mut arrows: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for file in files.iter().filter(|file| file.path != "lib.rs") {
        let module = module(&file.path);
        let room = module[0];
        seen.insert(room);
        let Some(own) = floor(room) else {
            complaints.insert(format!("the room {room} stands on no floor: give it one"));
            continue;
        };
        for path in source::paths(&file.text, &module) {
            let named = &path.segments[0];
            let used = if floor(named).is_some() {
                named
            } else {
                re_exported.get(named).unwrap_or(named)
            };
            let place = format!("{}:{}", file.path, path.line);
            match floor(used) {
                None => {
                    complaints.insert(format!(
                        "{place}: `crate::{named}` comes from no room: name its room"
                    ));
                }
                Some(other) if other > own => {
                    complaints.insert(format!("{place}: {room} may not use {used}, a floor above"));
                }
                Some(_) if used == room => {}
                Some(_) => {
                    arrows.entry(room).or_default().insert(used.clone());
                }
            }
        }
    }
    let stale = floors.iter().copied().flatten().filter(|room| !seen.contains(**room));
    complaints.extend(stale.map(|room| format!("the room {room} has a floor but no file")));
    complaints.extend(circle(&arrows).map(|path| format!("a circle: {path}")));
    complaints.into_iter().collect()
}

/// `store/open.rs` is the module `store::open`, `store/mod.rs` and `store.rs` are `store`.
fn module(path: &str) -> Vec<&str> {
    path.trim_end_matches(".rs").split('/').filter(|part| *part != "mod").collect()
}

/// One circle among the arrows, written out.
fn circle(arrows: &BTreeMap<&str, BTreeSet<String>>) -> Option<String> {
    // Rooms that use nothing that is left drop out; what stays leads into a circle.
    let mut left = arrows.clone();
    loop {
        let before = left.len();
        let names: BTreeSet<String> = left.keys().map(|room| (*room).to_owned()).collect();
        left.retain(|_, used| {
            used.retain(|it| names.contains(it));
            !used.is_empty()
        });
        if left.len() == before {
            break;
        }
    }
    let mut walk = vec![(*left.keys().next()?).to_owned()];
    loop {
        let next = left.get(walk.last()?.as_str())?.first()?.clone();
        let start = walk.iter().position(|room| *room == next);
        walk.push(next);
        if let Some(start) = start {
            return Some(walk[start..].join(" -> "));
        }
    }
}

/// Where identifiers that start with `prefix` stand outside of the one file, or folder with a `/` at its
/// end, `allowed`.
pub(crate) fn names(files: &[Room], prefix: &str, allowed: &str) -> Vec<String> {
    let within =
        |path: &str| path == allowed || (allowed.ends_with('/') && path.starts_with(allowed));
    let elsewhere = files.iter().filter(|file| !within(&file.path));
    let places = elsewhere.flat_map(|file| {
        let found = source::identifiers(&file.text).into_iter();
        found.filter_map(|(name, line)| {
            name.starts_with(prefix)
                .then(|| format!("{}:{line}: only {allowed} names {name}", file.path))
        })
    });
    places.collect()
}

/// Connectors without exactly one line in the server's list, or out of order.
/// A connector's line is one that holds a path into its crate; the list's own tests don't count.
pub(crate) fn registered(names: &[&str], list: &str) -> Vec<String> {
    let real = list.split("#[cfg(test)]").next().unwrap_or(list);
    let lines = real.lines().map(|line| line.split("//").next().unwrap_or(line));
    let holds = |line: &str, name: &str| {
        let path = format!("{}::", name.replace('-', "_"));
        line.match_indices(&path).any(|(at, _)| {
            !line[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_')
        })
    };
    let order: Vec<&str> =
        lines.filter_map(|line| names.iter().copied().find(|name| holds(line, name))).collect();
    let mut complaints = Vec::new();
    for name in names {
        let count = order.iter().filter(|it| *it == name).count();
        if count != 1 {
            complaints.push(format!("{name} has {count} lines in connectors.rs: it needs one"));
        }
    }
    // The catalogue, a list itself, stands before them.
    let connectors = order.strip_prefix(&["catalogue"]).unwrap_or(&order);
    if complaints.is_empty() && !connectors.is_sorted() {
        complaints.push(format!("connectors.rs is not sorted: {}", order.join(", ")));
    }
    complaints
}
