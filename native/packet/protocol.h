// Protocol numbers (IANA "Assigned Internet Protocol Numbers") that the translator tells apart.
#pragma once

#include <cstdint>

namespace platypus::protocol {

inline constexpr uint8_t kHopByHop = 0;
inline constexpr uint8_t kIcmp4 = 1;
inline constexpr uint8_t kIgmp = 2;
inline constexpr uint8_t kTcp = 6;
inline constexpr uint8_t kUdp = 17;
inline constexpr uint8_t kRouting = 43;
inline constexpr uint8_t kFragment = 44;
inline constexpr uint8_t kAuthentication = 51;
inline constexpr uint8_t kIcmp6 = 58;
inline constexpr uint8_t kDestinationOptions = 60;

}  // namespace platypus::protocol
