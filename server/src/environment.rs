//! The environment variables behind flags: an empty one counts as unset, as compose files and unit files produce them
//! (`${NAME:-}`), and an error about a value names the variable that it came from.

use std::{env, ffi::OsString};

use clap::{
    Arg, Command, Error, Parser,
    builder::{OsStr, Resettable},
    error::{ContextKind, ContextValue},
};

/// Parses the command line and the environment of this process. Errors are clap's own, to be printed.
pub fn parse<T: Parser>() -> Result<T, Error> {
    let args: Vec<_> = env::args_os().collect();
    let command = without_variables(T::command(), &is_empty);
    let parsed = command.clone().try_get_matches_from(&args);
    parsed
        .and_then(|matches| T::from_arg_matches(&matches))
        .map_err(|error| name_variable(error, &command, &args))
}

/// Whether the variable of this argument is set to nothing.
fn is_empty(arg: &Arg) -> bool {
    arg.get_env().and_then(env::var_os).is_some_and(|value| value.is_empty())
}

/// The command without the variables of the chosen arguments, in all its subcommands.
fn without_variables(command: Command, chosen: &dyn Fn(&Arg) -> bool) -> Command {
    let command =
        command.mut_args(|arg| if chosen(&arg) { arg.env(Resettable::<OsStr>::Reset) } else { arg });
    command.mut_subcommands(|subcommand| without_variables(subcommand, chosen))
}

/// Adds the variable to an error about a value that came from it: without the variable, the same arguments are either
/// valid or have another error.
fn name_variable(mut error: Error, command: &Command, args: &[OsString]) -> Error {
    let Some(shown) = wrong_argument(&error) else { return error };
    // Only arguments of a built command can be shown.
    let mut built = command.clone();
    built.build();
    let Some(arg) = find(&built, &shown) else { return error };
    let Some(name) = arg.get_env().map(|name| name.to_string_lossy().into_owned()) else { return error };
    let without = without_variables(command.clone(), &|other| other.get_id() == arg.get_id());
    let other = without.try_get_matches_from(args).err().and_then(|error| wrong_argument(&error));
    if other.as_ref() != Some(&shown) {
        error.insert(ContextKind::InvalidArg, ContextValue::String(format!("{name} ({shown})")));
    }
    error
}

/// The argument that an error is about, as clap shows it.
fn wrong_argument(error: &Error) -> Option<String> {
    match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(shown)) => Some(shown.clone()),
        _ => None,
    }
}

fn find<'a>(command: &'a Command, shown: &str) -> Option<&'a Arg> {
    let own = command.get_arguments().find(|arg| arg.to_string() == shown);
    own.or_else(|| command.get_subcommands().find_map(|subcommand| find(subcommand, shown)))
}
