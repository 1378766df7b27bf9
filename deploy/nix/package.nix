{
  lib,
  rustPlatform,
  installShellFiles,
  stdenv,
}:
let
  root = ../..;
  manifest = lib.importTOML (root + "/Cargo.toml");
in
rustPlatform.buildRustPackage {
  pname = "snowbank";
  inherit (manifest.workspace.package) version;

  src = lib.fileset.toSource {
    inherit root;
    fileset = lib.fileset.unions [
      (root + "/Cargo.toml")
      (root + "/Cargo.lock")
      (root + "/crates")
      (root + "/bench")
    ];
  };
  cargoLock.lockFile = root + "/Cargo.lock";
  cargoBuildFlags = [
    "--package"
    "snowbank"
  ];
  # The tests start Nix stores, registries and servers, which the build's sandbox has no room for: `make test` runs them.
  doCheck = false;

  nativeBuildInputs = [ installShellFiles ];
  postInstall = lib.optionalString (stdenv.buildPlatform.canExecute stdenv.hostPlatform) ''
    $out/bin/snowbank man man
    installManPage man/*
    for shell in bash fish zsh; do
      $out/bin/snowbank completions $shell >snowbank.$shell
    done
    installShellCompletion snowbank.{bash,fish,zsh}
  '';

  meta = {
    description = "Cache that makes Nix fast in CI";
    license = [
      lib.licenses.mit
      lib.licenses.asl20
    ];
    mainProgram = "snowbank";
    platforms = lib.platforms.linux;
  };
}
