# The addon: the core as a static library (the same sources as native/CMakeLists.txt), and on top of
# it the Node face. `node-gyp configure build` finds new files; the result is build/Release/platypus.node.
{
  "target_defaults": {
    "default_configuration": "Release",
    # Node's own defaults (common.gypi) bring -fno-exceptions and -fno-rtti, which are ours as well, and
    # an older standard with GNU extensions, which is not.
    "cflags_cc!": ["-std=gnu++17", "-std=gnu++20"],
    "cflags_cc": [
      "-std=c++20",
      "-O3",
      "-fvisibility=hidden",
      # The packet path crosses many small files; the linker inlines across them. Fat objects keep
      # plain `ar` archives usable.
      "-flto=auto",
      "-ffat-lto-objects",
      "-Wall",
      "-Wextra",
      "-Wconversion",
      "-Wshadow",
    ],
    "ldflags": ["-flto=auto", "-O3"],
    "include_dirs": ["native"],
  },
  "targets": [
    {
      "target_name": "core",
      "type": "static_library",
      "sources": [
        "<!@(find native/packet native/siit native/nat64 native/port native/dataplane native/netlink native/tester native/udp native/socket native/tcp native/ospf native/bfd native/clat -name '*.cpp' | LC_ALL=C sort)",
      ],
    },
    {
      "target_name": "platypus",
      "dependencies": ["core"],
      "sources": ["<!@(find native/addon -name '*.cpp' | LC_ALL=C sort)"],
      # Exceptions end in this folder: node-addon-api turns them into JavaScript ones.
      "defines": ["NAPI_VERSION=8", "NAPI_CPP_EXCEPTIONS"],
      "cflags_cc!": ["-fno-exceptions"],
      "cflags_cc": [
        "-fexceptions",
        # As a system folder, so that our warnings are not its warnings.
        "-isystem <!(node -p \"require('node:path').resolve(require('node-addon-api').include_dir)\")",
      ],
    },
  ],
}
