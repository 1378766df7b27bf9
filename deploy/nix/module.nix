# A Snowbank server on NixOS:
#
#   services.snowbank = {
#     enable = true;
#     settings.public_url = "https://cache.example.org/";
#     settings.caches.team.owner = "acme";
#   };
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.snowbank;
  toml = pkgs.formats.toml { };
  file = toml.generate "snowbank.toml" cfg.settings;
  port = lib.toInt (lib.last (lib.splitString ":" cfg.settings.listen));
in
{
  options.services.snowbank = {
    enable = lib.mkEnableOption "Snowbank, a cache service for CI and a Nix binary cache";

    package = lib.mkPackageOption pkgs "snowbank" { };

    settings = lib.mkOption {
      default = { };
      description = ''
        The configuration file, as attributes; `snowbank config show` prints every setting. No secret belongs here, for
        the store is readable by everybody: see {option}`services.snowbank.environmentFile`.
      '';
      example = {
        public_url = "https://cache.example.org/";
        limits.size = "20GB";
        auth.github.allow = [ "acme/*" ];
      };
      type = lib.types.submodule {
        freeformType = toml.type;
        options = {
          listen = lib.mkOption {
            type = lib.types.str;
            default = "127.0.0.1:8484";
            description = "The address and port to listen on.";
          };
          data = lib.mkOption {
            type = lib.types.path;
            default = "/var/lib/snowbank";
            description = ''
              The folder for everything that is not told to be elsewhere. One that is not below
              {file}`/var/lib/snowbank` must exist and belong to the user `snowbank`.
            '';
          };
        };
      };
    };

    environmentFile = lib.mkOption {
      type = lib.types.nullOr lib.types.path;
      default = null;
      example = "/run/secrets/snowbank";
      description = "A file with secret settings, a line each: `SNOWBANK_S3_SECRET_KEY=...`.";
    };

    openFirewall = lib.mkOption {
      type = lib.types.bool;
      default = false;
      description = "Whether other machines may reach the port of {option}`services.snowbank.settings.listen`.";
    };
  };

  config = lib.mkIf cfg.enable {
    environment.systemPackages = [ cfg.package ];
    networking.firewall.allowedTCPPorts = lib.mkIf cfg.openFirewall [ port ];

    users.users.snowbank = {
      isSystemUser = true;
      group = "snowbank";
    };
    users.groups.snowbank = { };

    systemd.services.snowbank = {
      description = "Snowbank, a cache that makes Nix fast in CI";
      wantedBy = [ "multi-user.target" ];
      wants = [ "network-online.target" ];
      after = [
        "network-online.target"
        "postgresql.service"
      ];
      serviceConfig = {
        ExecStart = "${lib.getExe cfg.package} serve --config ${file}";
        EnvironmentFile = lib.mkIf (cfg.environmentFile != null) cfg.environmentFile;
        Restart = "on-failure";
        RestartSec = 2;
        TimeoutStopSec = 60;
        LimitNOFILE = 65536;
        User = "snowbank";
        Group = "snowbank";
        StateDirectory = "snowbank";
        StateDirectoryMode = "0700";
        UMask = "0077";
        ReadWritePaths = lib.mkIf (!lib.hasPrefix "/var/lib/snowbank" (toString cfg.settings.data)) [ cfg.settings.data ];

        CapabilityBoundingSet = "";
        NoNewPrivileges = true;
        ProtectSystem = "strict";
        ProtectHome = true;
        PrivateTmp = true;
        PrivateDevices = true;
        ProtectClock = true;
        ProtectControlGroups = true;
        ProtectHostname = true;
        ProtectKernelLogs = true;
        ProtectKernelModules = true;
        ProtectKernelTunables = true;
        ProtectProc = "invisible";
        ProcSubset = "pid";
        LockPersonality = true;
        MemoryDenyWriteExecute = true;
        RemoveIPC = true;
        RestrictAddressFamilies = [
          "AF_INET"
          "AF_INET6"
          "AF_UNIX"
        ];
        RestrictNamespaces = true;
        RestrictRealtime = true;
        RestrictSUIDSGID = true;
        SystemCallArchitectures = "native";
        SystemCallFilter = [
          "@system-service"
          "~@privileged"
        ];
        SystemCallErrorNumber = "EPERM";
      };
    };
  };
}
