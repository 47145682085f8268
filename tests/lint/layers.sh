#!/usr/bin/env bash
# An arrow never runs back: each folder includes only what stands below it.
set -u
cd "$(dirname "$0")/../.."
bad=0
# folder, then the folders that it may include besides itself
check() {
  local folder=$1 allowed=$2 file target
  while IFS=: read -r file target; do
    case " $folder $allowed " in
      *" $target "*) ;;
      *) echo "$file includes $target/: not allowed from $folder/"; bad=1 ;;
    esac
  done < <(grep -rHoE '#include "[a-z_]+(/[a-z_]+)?/' "$folder" --include='*.hpp' --include='*.cpp' |
    sed -E 's/#include "//; s#/$##' |
    sed -E 's#:(proto|crypto|tests)/.*#:\1#; s#:maillon(/v1)?$#:proto#' | sort -u)
}
below="proto crypto"
check proto ""
check crypto "proto"
check storage/merge "$below"
check storage/sqlite "proto"
check storage/log "$below storage/sqlite"
check storage/trust "$below storage/log"
check storage/state "$below storage/log storage/merge storage/sqlite"
stored="$below storage/merge storage/sqlite storage/log storage/trust storage/state"
check storage/store "$stored"
stored="$stored storage/store"
check storage/proof "$stored"
check node/sync "$below"
check node/catalogue "proto"
check node/replica "$stored node/sync"
check node/federation "$stored node/replica"
check node/topology "$below storage/log storage/trust"
check node/net "$below"
check node/peers "$stored node/sync node/replica node/topology node/federation node/net"
check node/bundle "$stored node/replica"
check node/simulator "$stored node/sync node/replica node/federation node/topology"
check node/admin "$stored storage/proof node/replica node/federation node/peers node/catalogue node/bundle"
check node/app "$stored node/replica node/federation node/peers node/catalogue node/bundle node/admin"
check node/cli "$stored storage/proof node/simulator node/replica node/federation node/peers node/catalogue node/bundle node/admin node/app"
exit $bad
