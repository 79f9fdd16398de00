#!/bin/sh
# Runs paket with the machine's own NuGet source, so that no address stands in the repository.
# Stays in the caller's folder: the build gives paths relative to the project.
set -eu
: "${NUGET_FEED:=$(dotnet nuget list source --format short | sed -n 's/^E *//p' | head -n 1)}"
export NUGET_FEED
dotnet tool restore >/dev/null
case "${1-}" in
  install | update)
    dotnet paket "$@"
    # paket writes the real address; the committed lock file holds the variable.
    sed -i -E 's#remote: https?://.*#remote: %NUGET_FEED%#' paket.lock
    ;;
  *) exec dotnet paket "$@" ;;
esac
