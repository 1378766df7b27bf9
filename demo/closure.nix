# The store of one job: every library as a store path of its own, and an environment that refers to all of them.
# Evaluating this is enough to have it, no builder runs.
{ libraries }:
let
  names = builtins.attrNames (builtins.readDir libraries);
  package = name: builtins.path { inherit name; path = libraries + "/${name}"; };
in
builtins.toFile "environment" (builtins.concatStringsSep "\n" (map package names))
