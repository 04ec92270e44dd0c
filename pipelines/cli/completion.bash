# Completion of metadata-etl: source <(metadata-etl completion bash)
#
# What comes from data is never evaluated: it is read line by line, and quoted before it is put on the command line.

# Splits the line $1 as the shell would, without expanding anything. Sets the variables of the caller: `words`, the
# last of which is being typed, `quote`, the quote that it is in, and `before`, the part of it before character $2.
_metadata_etl_split() {
  local line="$1" start="$2" c word="" begun="" i
  words=() quote="" before=""
  for ((i = 0; i < ${#line}; i++)); do
    ((i == start)) && before="$word"
    c="${line:i:1}"
    if [[ "$quote" == "'" ]]; then
      if [[ "$c" == "'" ]]; then quote=""; else word+="$c"; fi
    elif [[ "$c" == "\\" && ("$quote" == "" || "${line:i+1:1}" == [\"\\\$\`]) ]]; then
      ((i++))
      word+="${line:i:1}" begun=1
    elif [[ "$quote" == '"' ]]; then
      if [[ "$c" == '"' ]]; then quote=""; else word+="$c"; fi
    elif [[ "$c" == [\"\'] ]]; then
      quote="$c" begun=1
    elif [[ "$c" == [[:space:]] ]]; then
      [[ -n "$begun" ]] && words+=("$word")
      word="" begun=""
    else
      word+="$c" begun=1
    fi
  done
  ((start >= ${#line})) && before="$word"
  words+=("$word")
}

# Adds the lines of standard input to the completions, quoted as $1 tells; what is typed of them already is $2, and
# $3 the character after which they are inserted.
_metadata_etl_add() {
  local quote="$1" before="$2" after="$3" line
  while IFS= read -r line; do
    [[ "$line" == "$before"* ]] || continue
    line="${line:${#before}}"
    case "$quote" in
    "'") line="${line//\'/\'\\\'\'}" ;;
    '"')
      line="${line//\\/\\\\}" line="${line//\"/\\\"}" line="${line//\$/\\\$}" line="${line//\`/\\\`}"
      line="${line//!/\"\\!\"}"
      ;;
    *) [[ -n "$line" ]] && printf -v line %q "$line" ;;
    esac
    if [[ -n "$quote" ]]; then
      # readline takes a quote right behind the one that is open for that one, and one at the end for its other half.
      [[ "$after" == "$quote" && "$line" == "$quote"* ]] && line="$quote$line"
      [[ "$line" == *"$quote" ]] && line+="$quote"
    fi
    COMPREPLY+=("$line")
  done
}

_metadata_etl() {
  local line="${COMP_LINE-${COMP_WORDS[*]:0:COMP_CWORD+1}}" typed="${2-${COMP_WORDS[COMP_CWORD]#[\"\']}}"
  [[ -n "${COMP_LINE-}" ]] && line="${COMP_LINE:0:COMP_POINT}"
  local -a words
  local quote before after cur previous="" command="" dataset="" field="" group="items" version="" count=0 i
  _metadata_etl_split "$line" $((${#line} - ${#typed}))
  after="${line:0:${#line}-${#typed}}" after="${after: -1}"
  cur="${words[${#words[@]} - 1]}"
  for ((i = 1; i < ${#words[@]} - 1; i++)); do
    previous="${words[i]}"
    case "$previous" in
    --group) group="${words[i + 1]}"; ((i++)) ;;
    --group=*) group="${previous#--group=}" ;;
    --version) version="${words[i + 1]}"; ((i++)) ;;
    --version=*) version="${previous#--version=}" ;;
    @TAKING@) ((i++)) ;;
    -*) ;;
    *)
      case $count in
      0) command="$previous" ;;
      1) dataset="$previous" ;;
      2) field="$previous" ;;
      esac
      ((count++))
      ;;
    esac
  done
  ((${#words[@]} > 1)) && previous="${words[${#words[@]} - 2]}"
  COMPREPLY=()
  case "$command $previous" in
@CHOSEN@
  esac
  if [[ "$previous" == --version && -n "$dataset" ]]; then
    _metadata_etl_add "$quote" "$before" "$after" < <(
      metadata-etl suggest "$dataset" "$cur" --complete version 2> /dev/null
    )
    return
  fi
  case "$previous" in
  @TAKING@) return ;;
  esac
  if [[ "$cur" == -* ]]; then
    case "$command" in
@FLAGS@
    esac
    return
  fi
  case "$command $count" in
@FIRST@
  'query 2')
    _metadata_etl_add "$quote" "$before" "$after" < <(
      metadata-etl suggest "$dataset" "$cur" --group "$group" ${version:+"--version=$version"} --complete query 2> /dev/null
    )
    ;;
  'suggest 2')
    _metadata_etl_add "$quote" "$before" "$after" < <(
      metadata-etl suggest "$dataset" "$cur" --group "$group" ${version:+"--version=$version"} --complete field 2> /dev/null
    )
    ;;
  'suggest 3')
    _metadata_etl_add "$quote" "$before" "$after" < <(
      metadata-etl suggest "$dataset" "$field" "$cur" --group "$group" ${version:+"--version=$version"} --complete field 2> /dev/null
    )
    ;;
  ' 0') COMPREPLY=($(compgen -W '@NAMES@' -- "$typed")) ;;
  esac
  [[ ${#COMPREPLY[@]} == 1 && "${COMPREPLY[0]}" == *. ]] && compopt -o nospace 2> /dev/null
}
complete -o default -F _metadata_etl metadata-etl
