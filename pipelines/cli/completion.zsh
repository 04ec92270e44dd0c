# Completion of metadata-etl: source <(metadata-etl completion zsh)
#
# What comes from data is never evaluated: it is split at line ends alone, and compadd quotes what is inserted.

_metadata_etl() {
  emulate -L zsh
  local word quote="${compstate[quote]}" cur previous command="" dataset="" field="" group="items" version=""
  local -i count=0 i
  local -a found
  for ((i = 2; i < CURRENT; i++)); do
    word="${(Q)words[i]}"
    case "$word" in
    (--group) group="${(Q)words[i + 1]}"; ((i++)) ;;
    (--group=*) group="${word#--group=}" ;;
    (--version) version="${(Q)words[i + 1]}"; ((i++)) ;;
    (--version=*) version="${word#--version=}" ;;
    (@TAKING@) ((i++)) ;;
    (-*) ;;
    (*)
      case $count in
      (0) command="$word" ;;
      (1) dataset="$word" ;;
      (2) field="$word" ;;
      esac
      ((count++))
      ;;
    esac
  done
  if [[ "$quote" == "'" ]]; then cur="$PREFIX"; else cur="${(Q)PREFIX}"; fi
  previous="${(Q)words[CURRENT - 1]}"
  case "$command $previous" in
@CHOSEN@
  esac
  if [[ "$previous" == --version && -n "$dataset" ]]; then
    found=("${(@f)$(metadata-etl suggest "$dataset" "$cur" --complete version 2> /dev/null)}")
    compadd -- "${(@)found:#}"
    return
  fi
  case "$previous" in
  (@TAKING@) _files; return ;;
  esac
  if [[ "$cur" == -* ]]; then
    case "$command" in
@FLAGS@
    esac
    return
  fi
  case "$command $count" in
@FIRST@
  (' 0') compadd -- @NAMES@; return ;;
  ('query 2')
    found=("${(@f)$(metadata-etl suggest "$dataset" "$cur" --group "$group" ${version:+"--version=$version"} --complete query 2> /dev/null)}") ;;
  ('suggest 2')
    found=("${(@f)$(metadata-etl suggest "$dataset" "$cur" --group "$group" ${version:+"--version=$version"} --complete field 2> /dev/null)}") ;;
  ('suggest 3')
    found=("${(@f)$(metadata-etl suggest "$dataset" "$field" "$cur" --group "$group" ${version:+"--version=$version"} --complete field 2> /dev/null)}") ;;
  (*) _files; return ;;
  esac
  local -a open closed
  open=("${(@M)found:#*.}") closed=("${(@)found:#(|*.)}")
  (($#open)) && compadd -U -S '' -- "${open[@]}"
  (($#closed)) && compadd -U -- "${closed[@]}"
}
(($+functions[compdef])) || { autoload -U +X compinit && compinit; }
compdef _metadata_etl metadata-etl
