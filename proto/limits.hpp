#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

/// Every cap on what others may make a node hold, read or wait for, with its reason. Start values
/// are those that federations of 180 nodes were modelled with; change one here and nowhere else.
namespace maillon::limits {

using namespace std::chrono_literals;

// Commits.
inline constexpr std::size_t kCommitBodyMax = 1u << 20;   ///< a body, uncompressed: fits any small board
inline constexpr std::size_t kCommitOpsMax = 4096;        ///< bounds the work behind one signature
inline constexpr std::size_t kHeaderMax = 16u << 10;      ///< 200 heads of 34 bytes, twice, with room
inline constexpr std::size_t kDepsMax = 256;              ///< more concurrent heads than nodes of a federation
inline constexpr std::size_t kTableIdsMax = 8192;         ///< leaf 0: ids that one body refers to
inline constexpr std::size_t kReceiptsMax = 1024;         ///< erasures that one op confirms
inline constexpr std::size_t kErasureDepthMax = 64;        ///< erasures of erasures: two are ever needed
inline constexpr std::size_t kFieldsMax = 512;            ///< fields one op may touch
inline constexpr std::size_t kCutOffsMax = 1024;          ///< feeds of one member, over all spaces
inline constexpr std::size_t kSettledHeadsMax = 256;      ///< of a checkpoint: as many as a commit has deps
inline constexpr std::size_t kFeedEndsMax = 8192;         ///< of a checkpoint: 180 nodes, some incarnations each, with room
inline constexpr std::size_t kVoidRangesMax = 4096;       ///< of a checkpoint: they fit one op
inline constexpr std::size_t kAccessRulesMax = 1024;      ///< who may read or write, in one declaration
inline constexpr std::size_t kRefoundingsMax = 64;        ///< federations that one continues: more than anybody founds
inline constexpr std::size_t kNameMax = 256;              ///< bytes of a collection, field or source name
inline constexpr std::size_t kExternalIdMax = 4096;       ///< merged ids of the national map reach 2,704
inline constexpr std::size_t kAttachmentsMax = 64;        ///< files one op may carry
inline constexpr std::size_t kRunsMax = 4096;             ///< runs of a list or text edit
inline constexpr std::size_t kZstdDeclaredMax = 4u << 20;  ///< declared size beyond this is a bomb
inline constexpr int kZstdWindowLogMax = 20;               ///< bounds the decoder's memory

// Clocks.
inline constexpr std::chrono::milliseconds kClockAheadMax = 5min;  ///< a commit further ahead is held

// The wire.
inline constexpr std::size_t kNoiseMessageMax = 65535;           ///< Noise, section 3
inline constexpr std::size_t kFrameMax = 2u << 20;               ///< one full commit and its envelope
inline constexpr std::size_t kBeforeAuthenticationMax = 64u << 10;  ///< bytes read from a stranger
inline constexpr std::chrono::milliseconds kHandshakeTimeout = 10s;
inline constexpr std::chrono::milliseconds kIdleTimeout = 90s;   ///< proxies cut idle links at 60 s; pings at half
inline constexpr std::size_t kUnauthenticatedMax = 32;           ///< connections that have not shown a key yet
inline constexpr std::size_t kSessionsMax = 400;                 ///< twice the largest federation in sight
inline constexpr std::size_t kWindowBytes = 8u << 20;            ///< unacknowledged commit bytes to one peer
inline constexpr std::size_t kProtobufDepthMax = 16;
inline constexpr std::size_t kMessageFieldsMax = 32768;          ///< fields at the top of a message: all tips, with room
inline constexpr std::size_t kTipsMax = 20000;                   ///< 180 nodes, some incarnations each, with room
inline constexpr std::size_t kJoinNamesMax = 64;                 ///< members named to a newcomer, who can ask no more of them
inline constexpr std::size_t kAnnouncedMax = 256;                ///< commits in an announcement, and awaited after it: a busy second

// Storage.
inline constexpr std::size_t kIncarnationsMax = 16;  ///< of one node key: more restores than anybody makes
inline constexpr std::size_t kAsidePerNodeBytes = 8u << 20;  ///< commits that nobody vouches for (yet)
inline constexpr std::uint64_t kAnnuaireOpsMax = 100'000;  ///< of one feed there: the charter cannot bound what decides on it
inline constexpr std::uint64_t kAnnuaireBytesMax = 64u << 20;
inline constexpr std::size_t kPendingPerFeedBytes = 8u << 20;    ///< commits waiting for what they depend on

// Proofs of records.
inline constexpr std::size_t kProofMax = 64u << 20;        ///< annuaire of the largest federation in sight, years of it
inline constexpr std::size_t kProofCommitsMax = 20'000;    ///< of annuaire; of the record's space: bounds the work behind a file
inline constexpr std::size_t kProofBodyMax = 2u << 20;     ///< a cut body may be longer than the whole one was

// Files and arguments.
inline constexpr std::size_t kJsonDepthMax = 32;
inline constexpr std::size_t kImportFileMax = 1u << 30;          ///< bytes; a national file is under 100 MiB
inline constexpr std::size_t kImportCellMax = 256u << 10;        ///< bytes of one value
inline constexpr std::size_t kAdminMessageMax = 8u << 20;        ///< one message on the admin socket

}  // namespace maillon::limits
