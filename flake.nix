{
  description = "Snowbank: the cache that makes Nix fast in CI";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs =
    { self, nixpkgs }:
    let
      systems = [
        "x86_64-linux"
        "aarch64-linux"
      ];
      each = make: nixpkgs.lib.genAttrs systems (system: make nixpkgs.legacyPackages.${system});
    in
    {
      packages = each (pkgs: rec {
        snowbank = pkgs.callPackage ./deploy/nix/package.nix { };
        # One file without a library beside it.
        static = pkgs.pkgsStatic.callPackage ./deploy/nix/package.nix { };
        default = snowbank;
      });

      overlays.default = final: _: { snowbank = final.callPackage ./deploy/nix/package.nix { }; };

      nixosModules.default =
        { pkgs, lib, ... }:
        {
          imports = [ ./deploy/nix/module.nix ];
          services.snowbank.package = lib.mkDefault self.packages.${pkgs.stdenv.hostPlatform.system}.snowbank;
        };

      devShells = each (pkgs: {
        default = pkgs.mkShell {
          inputsFrom = [ self.packages.${pkgs.stdenv.hostPlatform.system}.snowbank ];
          packages = [
            pkgs.clippy
            pkgs.rustfmt
            pkgs.zstd
          ];
        };
      });
    };
}
